-- A person's answer comes by way of the API alone. A worker asks, and lets its questions expire or be withdrawn; one that
-- was taken over must not answer itself, since the API believes what stands here when it lets a call through.
CREATE FUNCTION refuse_decision_of_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user <> 'automatos_api' AND NOT pg_has_role(
    current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE'
  ) THEN
    RAISE EXCEPTION 'the role % answers no questions of tasks', current_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER task_approvals_answered BEFORE INSERT OR UPDATE ON task_approvals
  FOR EACH ROW WHEN (NEW.decision IN ('approved', 'denied')) EXECUTE FUNCTION refuse_decision_of_others();
