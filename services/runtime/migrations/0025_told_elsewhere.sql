-- A writer that tells followers by itself (over Redis) says so within its transaction: then no notification is sent for
-- the events that it writes. Commits with notifications are taken one at a time by the whole server.
CREATE OR REPLACE FUNCTION notify_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('automatos.told_elsewhere', true) = 'on' THEN RETURN NULL; END IF;
  PERFORM pg_notify('automatos_events', task_id || CASE WHEN ended THEN ' ended' ELSE '' END)
    FROM (SELECT task_id, bool_or(body ->> 'type' = 'task_ended') AS ended FROM inserted GROUP BY task_id) tasks;
  RETURN NULL;
END $$;
