-- What a running task has saved, to go on from there when it starts again. Apart from the task, which stays narrow; a
-- row goes when its task ends.
CREATE TABLE task_checkpoints (
  task_id  uuid PRIMARY KEY REFERENCES task_executions (id) ON DELETE CASCADE,
  body     jsonb NOT NULL,
  -- How long the task ran in attempts that ended in a pause: it counts against the task's timeout.
  ran_ms   double precision NOT NULL DEFAULT 0 CHECK (ran_ms >= 0),
  saved_at timestamptz NOT NULL DEFAULT now()
);

-- Questions of tasks to people (contracts/approval.ts). A task that has asked is queued and delayed until `infinity`, so
-- that admission does not see it; the answer sets the time to now.
CREATE TABLE task_approvals (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  task_id     uuid NOT NULL REFERENCES task_executions (id) ON DELETE CASCADE,
  call_id     text NOT NULL,
  tool        text NOT NULL,
  level       text NOT NULL,
  input       jsonb NOT NULL,
  summary     text NOT NULL,
  -- Of the attempt that asked, by which a question that is sent again is known.
  lease_token uuid NOT NULL,
  asked_at    timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  decision    text CHECK (decision IN ('approved', 'denied', 'expired', 'withdrawn')),
  decided_by  text,
  decided_at  timestamptz,
  comment     text,
  UNIQUE (task_id, call_id),
  CHECK ((decision IS NULL) = (decided_at IS NULL)),
  CHECK ((decided_by IS NOT NULL) = (coalesce(decision, '') IN ('approved', 'denied')))
);
CREATE UNIQUE INDEX task_approvals_open ON task_approvals (task_id) WHERE decision IS NULL;
CREATE INDEX task_approvals_by_expiry ON task_approvals (expires_at) WHERE decision IS NULL;
CREATE INDEX task_approvals_by_time ON task_approvals (asked_at DESC, id DESC);

-- An answer stays as it was given.
CREATE FUNCTION refuse_change_of_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the question % of task % was decided before', OLD.call_id, OLD.task_id
    USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER task_approvals_decided BEFORE UPDATE ON task_approvals
  FOR EACH ROW WHEN (OLD.decision IS NOT NULL) EXECUTE FUNCTION refuse_change_of_decision();

-- Who may answer: a workspace's token does only where an administrator has said so, since the agent may hold it.
ALTER TABLE api_tokens ADD COLUMN may_approve boolean NOT NULL DEFAULT false;

-- As before, and: the end of a task withdraws its question and takes its checkpoint away, and the worker that holds the
-- files which a checkpoint keeps is told (channel automatos_left: `<workspace id> <task id>`).
CREATE OR REPLACE FUNCTION change_task_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ran double precision;
BEGIN
  IF NOT EXISTS (SELECT FROM task_transitions WHERE from_state = OLD.status AND to_state = NEW.status) THEN
    RAISE EXCEPTION 'task % cannot go from % to %', NEW.id, OLD.status, NEW.status USING ERRCODE = 'check_violation';
  END IF;
  NEW.updated_at := now();
  IF OLD.status = 'running' THEN
    DELETE FROM leases WHERE task_id = NEW.id;
  END IF;
  IF NEW.status = 'queued' THEN
    NEW.admitted_at := NULL;
    NEW.lease_token := NULL;
  ELSIF is_terminal(NEW.status) THEN
    NEW.completed_at := clock_timestamp();
    DELETE FROM task_checkpoints WHERE task_id = NEW.id RETURNING ran_ms INTO ran;
    IF FOUND THEN
      UPDATE task_approvals SET decision = 'withdrawn', decided_at = now() WHERE task_id = NEW.id AND decision IS NULL;
      PERFORM pg_notify('automatos_left', NEW.workspace_id || ' ' || NEW.id);
    END IF;
    NEW.execution_time_ms := coalesce(ran, 0);
    IF OLD.status = 'running' THEN
      NEW.execution_time_ms := NEW.execution_time_ms +
        greatest(0, round(extract(epoch FROM NEW.completed_at - NEW.started_at)::numeric * 1000, 3));
    END IF;
    NEW.event_count := NEW.event_count + 1;
    INSERT INTO task_events (task_id, sequence, body)
      VALUES (NEW.id, NEW.event_count, jsonb_build_object('type', 'task_ended', 'result', task_result(NEW)));
  END IF;
  RETURN NEW;
END $$;

-- An answer wakes the dispatcher; the end of another delay is its own doing.
CREATE TRIGGER task_executions_answered AFTER UPDATE OF delayed ON task_executions
  FOR EACH ROW WHEN (OLD.not_before = 'infinity' AND OLD.delayed AND NOT NEW.delayed AND NEW.status = 'queued')
  EXECUTE FUNCTION notify_admission();
