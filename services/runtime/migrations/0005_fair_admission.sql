-- How far each workspace has been served, in the same virtual time as admission_clock.workspaces. A workspace that is
-- behind the clock needs no row: it is served as one that comes new.
CREATE TABLE admission_turns (
  workspace_id uuid PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
  finish       double precision NOT NULL
);
CREATE INDEX admission_turns_by_finish ON admission_turns (finish);

-- One row: the virtual times of admission (services/runner/admission/fair-share.ts).
CREATE TABLE admission_clock (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  workspaces double precision NOT NULL DEFAULT 0,
  priorities double precision NOT NULL DEFAULT 0,
  -- From the most urgent priority to the least.
  finishes   double precision[] NOT NULL DEFAULT '{0,0,0,0}' CHECK (array_length(finishes, 1) = 4)
);
INSERT INTO admission_clock DEFAULT VALUES;

-- Admission steps through the workspaces that wait in each priority, and through no other.
DROP INDEX task_executions_waiting;
CREATE INDEX task_executions_waiting ON task_executions (priority, workspace_id, submission)
  WHERE status = 'queued' AND admitted_at IS NULL;

-- A worker that comes brings room for tasks.
CREATE TRIGGER workers_came AFTER INSERT ON workers
  FOR EACH ROW EXECUTE FUNCTION notify_admission();
