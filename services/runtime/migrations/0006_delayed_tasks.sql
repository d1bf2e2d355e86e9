-- A task that shall not start yet: because its caller named a time, or because it was lost and is tried again later.
ALTER TABLE task_executions
  ADD COLUMN not_before timestamptz,
  -- Until the dispatcher sees that the time has come; an index cannot ask what time it is.
  ADD COLUMN delayed boolean NOT NULL DEFAULT false,
  ADD CHECK (NOT delayed OR not_before IS NOT NULL);

DROP INDEX task_executions_waiting;
CREATE INDEX task_executions_waiting ON task_executions (priority, workspace_id, submission)
  WHERE status = 'queued' AND admitted_at IS NULL AND NOT delayed;
CREATE INDEX task_executions_delayed ON task_executions (not_before) WHERE status = 'queued' AND delayed;
