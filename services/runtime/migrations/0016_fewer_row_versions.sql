-- A task is recorded as queued in one step: `pending` would be written and replaced in the same transaction, where
-- nobody can see it, at the price of a second version of the row in every index.
CREATE OR REPLACE FUNCTION check_new_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status NOT IN ('pending', 'queued') THEN
    RAISE EXCEPTION 'task % cannot begin as %', NEW.id, NEW.status USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

-- Once per statement, however many tasks it brings.
CREATE TRIGGER task_executions_came AFTER INSERT ON task_executions
  FOR EACH STATEMENT EXECUTE FUNCTION notify_admission();
