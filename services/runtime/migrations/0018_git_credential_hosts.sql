-- For which hosts a workspace has a credential of git's: all that a worker may know of them. The values are the
-- gateway's, which adds them outside of the sandbox.
CREATE VIEW git_credential_hosts AS
  SELECT DISTINCT workspace_id, target AS host FROM credentials WHERE kind = 'git_https';
