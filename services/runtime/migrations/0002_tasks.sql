-- From the most urgent to the least: comparisons and ORDER BY follow this order.
CREATE TYPE task_priority AS ENUM ('critical', 'high', 'normal', 'low');
CREATE TYPE task_state AS ENUM
  ('pending', 'queued', 'scheduled', 'running', 'completed', 'failed', 'cancelled', 'timed_out');

-- Every edge that a task may take: the same table as TASK_TRANSITIONS in contracts/task.ts. A state without a row is
-- terminal.
CREATE TABLE task_transitions (
  from_state task_state NOT NULL,
  to_state   task_state NOT NULL,
  PRIMARY KEY (from_state, to_state)
);
INSERT INTO task_transitions VALUES
  ('pending', 'queued'),
  ('queued', 'scheduled'), ('queued', 'running'), ('queued', 'cancelled'),
  ('scheduled', 'running'),
  ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'), ('running', 'timed_out'),
  ('running', 'queued');

CREATE TABLE task_executions (
  id                  uuid PRIMARY KEY,
  -- The order of submission, which decides within a priority. A task that is queued again keeps its place.
  submission          bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  workspace_id        uuid NOT NULL REFERENCES workspaces (id),
  task_type           text NOT NULL,
  agent_id            text NOT NULL,
  prompt              text NOT NULL,
  -- The rest of the task as it was submitted: an AgentTask without its prompt.
  configuration       jsonb NOT NULL,
  -- SHA-256 of the contents: tells a repeated submission from another task with the same id.
  fingerprint         bytea NOT NULL,
  priority            task_priority NOT NULL,
  runner_backend      text NOT NULL,
  timeout_seconds     integer NOT NULL CHECK (timeout_seconds > 0),
  max_retries         integer NOT NULL CHECK (max_retries >= 0),
  resources_requested jsonb NOT NULL,
  resources_used      jsonb,
  status              task_state NOT NULL DEFAULT 'pending',
  -- How often it was started; a start that was handed back does not count.
  attempt             integer NOT NULL DEFAULT 0 CHECK (attempt BETWEEN 0 AND max_retries + 1),
  submitted_at        timestamptz NOT NULL DEFAULT now(),
  -- Since when the task takes one of its workspace's slots; null while it waits for one.
  admitted_at         timestamptz,
  started_at          timestamptz,
  completed_at        timestamptz,
  cancel_requested_at timestamptz,
  -- The fencing token: whoever writes for a running attempt must name it. Kept at the end, so that a holder whose
  -- answer was lost on the way can ask whether it was he who ended the task.
  lease_token         uuid,
  -- Events recorded so far, and batches of them by the present holder: a batch sent again is recognised.
  event_count         integer NOT NULL DEFAULT 0,
  event_batch         integer NOT NULL DEFAULT 0,
  result              jsonb,
  steps               jsonb NOT NULL DEFAULT '[]',
  error_code          text,
  error_message       text,
  error_remedy        text,
  tokens_used         bigint NOT NULL DEFAULT 0,
  execution_time_ms   double precision NOT NULL DEFAULT 0,
  -- Failed for good because no attempt could be finished; null once somebody has dropped it from the dead letters.
  dead_lettered_at    timestamptz,
  retry_of            uuid,
  parent_execution_id uuid,
  correlation_id      text,
  k8s_namespace       text,
  k8s_job_name        text,
  k8s_pod_name        text,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CHECK ((error_code IS NULL) = (error_message IS NULL) AND (error_code IS NULL) = (error_remedy IS NULL))
);
CREATE INDEX task_executions_by_workspace ON task_executions (workspace_id, submitted_at DESC, id DESC);
CREATE INDEX task_executions_by_status ON task_executions (status, submitted_at DESC);
CREATE INDEX task_executions_by_correlation ON task_executions (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX task_executions_by_submission ON task_executions (submitted_at DESC, id DESC);
-- Admission reads these two alone, so its cost follows what waits and runs, not what is idle or has ended.
CREATE INDEX task_executions_waiting ON task_executions (workspace_id, priority, submission)
  WHERE status = 'queued' AND admitted_at IS NULL;
CREATE INDEX task_executions_holding_slot ON task_executions (workspace_id)
  WHERE status IN ('queued', 'scheduled', 'running') AND admitted_at IS NOT NULL;
CREATE INDEX task_executions_queued ON task_executions (workspace_id) WHERE status = 'queued';
CREATE INDEX task_executions_undelivered ON task_executions (admitted_at)
  WHERE status = 'queued' AND admitted_at IS NOT NULL;
CREATE INDEX task_executions_dead ON task_executions (dead_lettered_at) WHERE dead_lettered_at IS NOT NULL;

CREATE TABLE task_events (
  task_id  uuid NOT NULL REFERENCES task_executions (id) ON DELETE CASCADE,
  sequence integer NOT NULL CHECK (sequence >= 1),
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  body     jsonb NOT NULL,
  PRIMARY KEY (task_id, sequence)
);

-- Who runs a task, and until when he is believed to be alive. Apart from the task, since it changes every few seconds.
CREATE TABLE leases (
  task_id     uuid PRIMARY KEY REFERENCES task_executions (id) ON DELETE CASCADE,
  token       uuid NOT NULL UNIQUE,
  worker_id   text NOT NULL,
  acquired_at timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL
);
CREATE INDEX leases_by_expiry ON leases (expires_at);

CREATE TABLE workers (
  id           text PRIMARY KEY,
  hostname     text NOT NULL,
  pid          integer NOT NULL,
  health_url   text,
  concurrency  integer NOT NULL,
  priorities   text[] NOT NULL,
  active_tasks integer NOT NULL DEFAULT 0,
  lease_seconds double precision NOT NULL,
  started_at   timestamptz NOT NULL DEFAULT now(),
  heartbeat_at timestamptz NOT NULL DEFAULT now()
);

-- Roles that one process at a time may have. A row, not an advisory lock: a process that is stopped (SIGSTOP, a frozen
-- virtual machine) keeps its connection and with it such a lock, and nobody would ever take over.
CREATE TABLE leadership (
  role       text PRIMARY KEY,
  holder     text NOT NULL,
  expires_at timestamptz NOT NULL
);

CREATE FUNCTION iso_time(moment timestamptz) RETURNS text LANGUAGE sql STABLE
  RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

CREATE FUNCTION task_error(task task_executions) RETURNS jsonb LANGUAGE sql STABLE
  RETURN CASE WHEN (task).error_code IS NOT NULL THEN jsonb_build_object(
    'code', (task).error_code, 'message', (task).error_message, 'remedy', (task).error_remedy) END;

-- A TaskResult (contracts/task.ts).
CREATE FUNCTION task_result(task task_executions) RETURNS jsonb LANGUAGE sql STABLE
  RETURN jsonb_build_object(
    'taskId', (task).id,
    'status', (task).status,
    'result', (task).result,
    'error', task_error(task),
    'steps', (task).steps,
    'tokensUsed', (task).tokens_used,
    'executionTimeMs', (task).execution_time_ms,
    'startedAt', iso_time((task).started_at),
    'completedAt', iso_time((task).completed_at));

CREATE FUNCTION check_new_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status <> 'pending' THEN
    RAISE EXCEPTION 'task % cannot begin as %', NEW.id, NEW.status USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER task_executions_begin BEFORE INSERT ON task_executions
  FOR EACH ROW EXECUTE FUNCTION check_new_task();

CREATE FUNCTION is_terminal(state task_state) RETURNS boolean LANGUAGE sql IMMUTABLE
  RETURN state IN ('completed', 'failed', 'cancelled', 'timed_out');

-- Refuses every edge that task_transitions does not list, and does what belongs to an edge whoever takes it: the
-- terminal event is the last one and exists once, a lease ends with its attempt, a task queued again gives up its slot.
CREATE FUNCTION change_task_state() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF OLD.status = 'running' THEN
      NEW.execution_time_ms :=
        greatest(0, round(extract(epoch FROM NEW.completed_at - NEW.started_at)::numeric * 1000, 3));
    END IF;
    NEW.event_count := NEW.event_count + 1;
    INSERT INTO task_events (task_id, sequence, body)
      VALUES (NEW.id, NEW.event_count, jsonb_build_object('type', 'task_ended', 'result', task_result(NEW)));
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER task_executions_state BEFORE UPDATE ON task_executions
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION change_task_state();

-- A task that has ended stays as it is; only its dead letter may be dropped.
CREATE FUNCTION refuse_change_of_ended_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(OLD) - 'dead_lettered_at' - 'updated_at') IS DISTINCT FROM
     (to_jsonb(NEW) - 'dead_lettered_at' - 'updated_at') THEN
    RAISE EXCEPTION 'task % has ended as % and cannot change', OLD.id, OLD.status USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER task_executions_ended BEFORE UPDATE ON task_executions
  FOR EACH ROW WHEN (OLD.status IN ('completed', 'failed', 'cancelled', 'timed_out') AND OLD.status = NEW.status)
  EXECUTE FUNCTION refuse_change_of_ended_task();

-- Channels: automatos_admission wakes the dispatcher (work came, or a slot became free), automatos_cancel tells the
-- worker that runs the task, automatos_events tells followers (`<task id>`, or `<task id> ended`). automatos_work, sent
-- by the dispatcher, wakes workers.
CREATE FUNCTION notify_admission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('automatos_admission', '');
  RETURN NULL;
END $$;
CREATE TRIGGER task_executions_admission AFTER UPDATE ON task_executions
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status NOT IN ('scheduled', 'running'))
  EXECUTE FUNCTION notify_admission();

CREATE FUNCTION notify_cancel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('automatos_cancel', NEW.id::text);
  RETURN NULL;
END $$;
CREATE TRIGGER task_executions_cancel AFTER UPDATE OF cancel_requested_at ON task_executions
  FOR EACH ROW WHEN (OLD.cancel_requested_at IS NULL AND NEW.cancel_requested_at IS NOT NULL)
  EXECUTE FUNCTION notify_cancel();

CREATE FUNCTION notify_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('automatos_events', task_id || CASE WHEN ended THEN ' ended' ELSE '' END)
    FROM (SELECT task_id, bool_or(body ->> 'type' = 'task_ended') AS ended FROM inserted GROUP BY task_id) tasks;
  RETURN NULL;
END $$;
CREATE TRIGGER task_events_inserted AFTER INSERT ON task_events
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION notify_events();

-- An event that was recorded stays as it is. It goes only with its task, when retention says so.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER task_events_immutable BEFORE UPDATE ON task_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
