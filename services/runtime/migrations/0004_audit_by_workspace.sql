-- The log is listed by workspace, the newest first.
CREATE INDEX audit_log_by_workspace ON audit_log ((details ->> 'workspaceId'), id DESC);
