-- Runs of recipes. docs/decisions/0036-workflows.md says who moves them on.
CREATE TABLE workflow_executions (
  id                  uuid PRIMARY KEY,
  workspace_id        uuid NOT NULL REFERENCES workspaces (id),
  workflow_id         text NOT NULL,
  -- Null: the recipe came with the request.
  version             integer,
  retry_of            uuid,
  -- As it was when the execution began: what becomes of the stored one is nothing to it.
  recipe              jsonb NOT NULL,
  input               jsonb NOT NULL,
  -- SHA-256 of what was asked for: tells a repeated request from another one with the same id.
  fingerprint         bytea NOT NULL,
  correlation_id      text NOT NULL,
  status              text NOT NULL DEFAULT 'running'
    CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'timed_out')),
  cancel_requested_at timestamptz,
  deadline_at         timestamptz NOT NULL,
  -- When it has to be looked at even if none of its tasks ends; null once it has ended.
  due_at              timestamptz DEFAULT now(),
  output              jsonb,
  error               jsonb,
  -- Events of its own so far.
  event_count         integer NOT NULL DEFAULT 0,
  created_at          timestamptz NOT NULL DEFAULT now(),
  completed_at        timestamptz,
  CHECK ((status = 'running') = (completed_at IS NULL))
);
CREATE INDEX workflow_executions_by_time ON workflow_executions (created_at DESC, id DESC);
CREATE INDEX workflow_executions_by_workspace ON workflow_executions (workspace_id, created_at DESC, id DESC);
CREATE INDEX workflow_executions_due ON workflow_executions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX workflow_executions_running ON workflow_executions (workspace_id) WHERE status = 'running';

CREATE FUNCTION refuse_change_of_ended_execution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'execution % has ended as % and cannot change', OLD.id, OLD.status USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER workflow_executions_ended BEFORE UPDATE ON workflow_executions
  FOR EACH ROW WHEN (OLD.status <> 'running') EXECUTE FUNCTION refuse_change_of_ended_execution();

CREATE TABLE workflow_steps (
  execution_id uuid NOT NULL REFERENCES workflow_executions (id) ON DELETE CASCADE,
  step_id      text NOT NULL,
  -- In the recipe.
  position     integer NOT NULL,
  status       text NOT NULL DEFAULT 'waiting' CHECK (status IN
    ('waiting', 'starting', 'submitted', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped')),
  -- Made of the execution and the step; of an earlier execution where the step is kept. Null where there is no task.
  task_id      uuid,
  kept         boolean NOT NULL DEFAULT false,
  skip_reason  text,
  error        jsonb,
  started_at   timestamptz,
  ended_at     timestamptz,
  -- Events of its task that have their numbers in the whole.
  placed       integer NOT NULL DEFAULT 0,
  PRIMARY KEY (execution_id, step_id)
);
CREATE INDEX workflow_steps_submitted ON workflow_steps (task_id) WHERE status = 'submitted';

CREATE TABLE workflow_events (
  execution_id uuid NOT NULL REFERENCES workflow_executions (id) ON DELETE CASCADE,
  sequence     integer NOT NULL CHECK (sequence >= 1),
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  body         jsonb NOT NULL,
  PRIMARY KEY (execution_id, sequence)
);

-- The events of an execution and of its tasks in one order, which is made when somebody follows it and stays.
CREATE TABLE workflow_event_logs (
  execution_id uuid PRIMARY KEY REFERENCES workflow_executions (id) ON DELETE CASCADE,
  -- Numbers that are given out, and how many of them are the execution's own.
  placed       bigint NOT NULL DEFAULT 0,
  placed_own   integer NOT NULL DEFAULT 0
);
-- Events that follow one another in the order and in their source: numbers first to last are its events from
-- first_sequence on.
CREATE TABLE workflow_event_order (
  execution_id   uuid NOT NULL REFERENCES workflow_executions (id) ON DELETE CASCADE,
  first          bigint NOT NULL,
  last           bigint NOT NULL CHECK (last >= first),
  -- Null: the execution's own.
  step_id        text,
  task_id        uuid,
  first_sequence integer NOT NULL,
  PRIMARY KEY (execution_id, last)
);

CREATE INDEX task_executions_by_parent ON task_executions (parent_execution_id, submitted_at DESC)
  WHERE parent_execution_id IS NOT NULL;

-- Channel automatos_workflows: the id of an execution one of whose tasks has ended, or that has an event of its own.
CREATE FUNCTION notify_parent_execution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('automatos_workflows', NEW.parent_execution_id::text);
  RETURN NULL;
END $$;
CREATE TRIGGER task_executions_of_workflow AFTER UPDATE ON task_executions
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.parent_execution_id IS NOT NULL AND
    NEW.status IN ('completed', 'failed', 'cancelled', 'timed_out'))
  EXECUTE FUNCTION notify_parent_execution();

CREATE FUNCTION notify_workflow_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('automatos_workflows', execution_id::text)
    FROM (SELECT DISTINCT execution_id FROM inserted) executions;
  RETURN NULL;
END $$;
CREATE TRIGGER workflow_events_inserted AFTER INSERT ON workflow_events
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION notify_workflow_events();
CREATE TRIGGER workflow_events_immutable BEFORE UPDATE ON workflow_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
