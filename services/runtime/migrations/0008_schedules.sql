-- Tasks that are made again and again (contracts/schedule.ts).
CREATE TABLE schedules (
  id               uuid PRIMARY KEY,
  workspace_id     uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name             text NOT NULL CHECK (name <> ''),
  -- Five fields, read in time_zone.
  cron             text NOT NULL,
  time_zone        text NOT NULL,
  -- What is submitted each time: an AgentTask without ids and times.
  task             jsonb NOT NULL,
  overlap          text NOT NULL CHECK (overlap IN ('skip', 'allow')),
  catch_up_seconds integer NOT NULL CHECK (catch_up_seconds > 0),
  -- Null: paused.
  next_run_at      timestamptz,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, name)
);
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;

-- What became of each time, the last hundred of a schedule.
CREATE TABLE schedule_runs (
  -- Derived from the schedule and the time; also the task's id, so that two who see the same time make one task.
  id           uuid PRIMARY KEY,
  schedule_id  uuid NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
  due_at       timestamptz NOT NULL,
  fired_at     timestamptz NOT NULL DEFAULT now(),
  -- Who asked for this run; null: its time had come.
  requested_by text,
  -- Null: skipped, for `reason`.
  task_id      uuid,
  reason       jsonb,
  -- Times before this one that had passed without anybody there to see them.
  missed       integer NOT NULL DEFAULT 0 CHECK (missed >= 0),
  CHECK ((task_id IS NULL) = (reason IS NOT NULL))
);
CREATE INDEX schedule_runs_by_time ON schedule_runs (schedule_id, due_at DESC, id DESC);

-- What ended while it was paused, for workers that have not heard of it at once.
CREATE INDEX task_approvals_withdrawn ON task_approvals (decided_at) WHERE decision = 'withdrawn';
