-- Backups of workspaces, restores and checks of backups (contracts/backup.ts): asked for here, done by a worker.
CREATE TABLE workspace_backups (
  id               uuid PRIMARY KEY,
  workspace_id     uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  kind             text NOT NULL CHECK (kind IN ('backup', 'restore', 'check')),
  state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'succeeded', 'failed')),
  -- Null: its time had come.
  requested_by     text,
  requested_at     timestamptz NOT NULL DEFAULT now(),
  -- Not before this: the next try of what failed for a passing reason.
  due_at           timestamptz NOT NULL DEFAULT now(),
  started_at       timestamptz,
  finished_at      timestamptz,
  attempt          integer NOT NULL DEFAULT 0,
  -- Who does it, and until when he is believed to be alive: every write names the token.
  lease_token      uuid,
  lease_expires_at timestamptz,
  worker_id        text,
  -- Of a restore or check.
  backup_id        uuid REFERENCES workspace_backups (id) ON DELETE CASCADE,
  snapshot_id      text,
  file_count       bigint,
  total_bytes      bigint,
  added_bytes      bigint,
  unreadable       integer,
  tasks_ran        boolean,
  comparison       jsonb,
  removed_at       timestamptz,
  error            jsonb,
  CHECK ((kind = 'backup') = (backup_id IS NULL)),
  CHECK ((state = 'running') = (lease_token IS NOT NULL)),
  -- One that waits for its next try says what became of the last.
  CHECK (state <> 'failed' OR error IS NOT NULL),
  CHECK (state <> 'succeeded' OR error IS NULL),
  CHECK ((state IN ('succeeded', 'failed')) = (finished_at IS NOT NULL))
);
-- One of a kind waits or runs, and one of all kinds runs: a repository and a tree have one hand at a time.
CREATE UNIQUE INDEX workspace_backups_open ON workspace_backups (workspace_id, kind) WHERE state IN ('pending', 'running');
CREATE UNIQUE INDEX workspace_backups_running ON workspace_backups (workspace_id) WHERE state = 'running';
CREATE INDEX workspace_backups_due ON workspace_backups (due_at) WHERE state IN ('pending', 'running');
CREATE INDEX workspace_backups_by_time ON workspace_backups (workspace_id, requested_at DESC, id DESC);
-- While a restore runs, its workspace's tasks are not admitted.
CREATE INDEX workspace_backups_restoring ON workspace_backups (workspace_id) WHERE kind = 'restore' AND state = 'running';

-- When the schedules come to a workspace; one without a row is covered by them.
CREATE TABLE workspace_backup_plans (
  workspace_id   uuid PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
  scheduled      boolean NOT NULL DEFAULT true,
  -- As found by `schedules`, which is what they were found by: another configuration finds them anew.
  schedules      text,
  next_backup_at timestamptz,
  next_check_at  timestamptz
);

CREATE FUNCTION notify_backups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('automatos_backups', '');
  RETURN NULL;
END $$;
CREATE TRIGGER workspace_backups_inserted AFTER INSERT ON workspace_backups
  FOR EACH STATEMENT EXECUTE FUNCTION notify_backups();

-- What has ended stays as it is, but for when retention removed it.
CREATE FUNCTION refuse_change_of_ended_backup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(OLD) - 'removed_at') IS DISTINCT FROM (to_jsonb(NEW) - 'removed_at') THEN
    RAISE EXCEPTION 'run % has ended as % and cannot change', OLD.id, OLD.state USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER workspace_backups_ended BEFORE UPDATE ON workspace_backups
  FOR EACH ROW WHEN (OLD.state IN ('succeeded', 'failed')) EXECUTE FUNCTION refuse_change_of_ended_backup();
