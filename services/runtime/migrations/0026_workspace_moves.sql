-- A workspace has one home at a time, and may be carried to another installation (docs/decisions/0038-moving.md).
-- Here: open, leaving for another, arriving from another, or moved to another. Whoever submits a task holds the
-- workspace's row, so nothing is submitted to one that is not open.
CREATE TYPE workspace_state AS ENUM ('open', 'leaving', 'arriving', 'moved');
ALTER TABLE workspaces
  ADD COLUMN state workspace_state NOT NULL DEFAULT 'open',
  -- Of the move that is under way or was the last; both installations know it by this.
  ADD COLUMN move_id uuid,
  -- Where the other installation is, as its administrator calls it.
  ADD COLUMN move_peer text,
  -- Of one that arrives: whether its record is complete, and whether it had lived here before.
  ADD COLUMN move_loaded boolean NOT NULL DEFAULT false,
  ADD COLUMN move_returns boolean NOT NULL DEFAULT false,
  -- Of one that has moved: it is known to be open there, and can only come back from there.
  ADD COLUMN move_done boolean NOT NULL DEFAULT false,
  ADD CHECK (state = 'open' OR (move_id IS NOT NULL AND move_peer IS NOT NULL));

-- Moves that were given up here: what was meant to arrive by them never will. `had`: something of it had arrived.
CREATE TABLE discarded_moves (
  move_id      uuid PRIMARY KEY,
  workspace_id uuid NOT NULL,
  had          boolean NOT NULL,
  discarded_at timestamptz NOT NULL DEFAULT now()
);

-- What of the record goes with a workspace, in the order in which its rows name each other. A table that belongs to
-- workspaces and is not here stays where it is: tokens, credentials and the audit log for their safety, documents and
-- backups because they are made anew.
CREATE TABLE workspace_tables (
  name     text PRIMARY KEY,
  position integer NOT NULL UNIQUE,
  -- Whether a row t is the workspace's, whose id is $1. As EXISTS, which costs a look by the key for each row.
  belongs  text NOT NULL,
  -- Rows are carried in this order.
  key      text[] NOT NULL,
  -- A column with the id of a task, which must not be another workspace's.
  task     text
);
INSERT INTO workspace_tables (position, name, belongs, key, task) VALUES
  (10, 'task_executions', 't.workspace_id = $1', '{submission}', 'retry_of'),
  (20, 'task_events', 'EXISTS (SELECT FROM task_executions x WHERE x.id = t.task_id AND x.workspace_id = $1)',
    '{task_id,sequence}', NULL),
  (30, 'task_approvals', 'EXISTS (SELECT FROM task_executions x WHERE x.id = t.task_id AND x.workspace_id = $1)',
    '{task_id,call_id}', NULL),
  (40, 'workflows', 't.workspace_id = $1', '{id}', NULL),
  (50, 'workflow_versions', 't.workspace_id = $1', '{workflow_id,version}', NULL),
  (60, 'workflow_executions', 't.workspace_id = $1', '{id}', NULL),
  (70, 'workflow_steps', 'EXISTS (SELECT FROM workflow_executions x WHERE x.id = t.execution_id AND x.workspace_id = $1)',
    '{execution_id,step_id}', 'task_id'),
  (80, 'workflow_events', 'EXISTS (SELECT FROM workflow_executions x WHERE x.id = t.execution_id AND x.workspace_id = $1)',
    '{execution_id,sequence}', NULL),
  (90, 'workflow_event_logs',
    'EXISTS (SELECT FROM workflow_executions x WHERE x.id = t.execution_id AND x.workspace_id = $1)', '{execution_id}', NULL),
  (100, 'workflow_event_order',
    'EXISTS (SELECT FROM workflow_executions x WHERE x.id = t.execution_id AND x.workspace_id = $1)',
    '{execution_id,last}', 'task_id'),
  (110, 'schedules', 't.workspace_id = $1', '{id}', NULL),
  (120, 'schedule_runs', 'EXISTS (SELECT FROM schedules x WHERE x.id = t.schedule_id AND x.workspace_id = $1)', '{id}', 'task_id'),
  (130, 'llm_usage', 't.workspace_id = $1', '{id}', 'task_id'),
  (140, 'llm_workspace_days', 't.workspace_id = $1', '{day}', NULL),
  (150, 'llm_tasks', 'EXISTS (SELECT FROM task_executions x WHERE x.id = t.task_id AND x.workspace_id = $1)', '{task_id}', NULL);

-- A task begins as queued. One that comes with its workspace has ended elsewhere, and stays as it is.
CREATE OR REPLACE FUNCTION check_new_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status NOT IN ('pending', 'queued') AND NOT (
    NEW.status IN ('completed', 'failed', 'cancelled', 'timed_out') AND
    EXISTS (SELECT FROM workspaces WHERE id = NEW.workspace_id AND state = 'arriving')
  ) THEN
    RAISE EXCEPTION 'task % cannot begin as %', NEW.id, NEW.status USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

-- As before, but for what comes with its workspace: the log where it happened has it.
CREATE OR REPLACE FUNCTION audit_tool_calls() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, target, outcome, call, details)
    SELECT 'task:' || e.task_id || ':' || t.agent_id,
           'tool.' || left(tool.name, 100),
           coalesce(left(e.body ->> 'summary', 500), ''),
           CASE WHEN e.body ->> 'type' = 'step_started' THEN 'started'
                ELSE coalesce(left(e.body #>> '{step,error,code}', 100), 'ok') END,
           e.task_id || '/' || t.attempt || '/' || coalesce(e.body ->> 'index', e.body #>> '{step,index}'),
           jsonb_build_object('workspaceId', t.workspace_id, 'taskId', e.task_id)
      FROM inserted e
      JOIN task_executions t ON t.id = e.task_id
      CROSS JOIN LATERAL (SELECT coalesce(e.body ->> 'tool', e.body #>> '{step,tool}') AS name) tool
      WHERE e.body ->> 'type' IN ('step_started', 'step_finished')
        AND NOT EXISTS (SELECT FROM unaudited_tools WHERE name = tool.name)
        AND NOT EXISTS (SELECT FROM workspaces WHERE id = t.workspace_id AND state = 'arriving')
      ORDER BY e.sequence;
  RETURN NULL;
END $$;

-- What still happens in a workspace, and has to end before it can leave. Tool calls are the worker's to know.
CREATE FUNCTION count_live_work(
  p_workspace uuid, OUT running integer, OUT queued integer, OUT executions integer, OUT backups integer
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (SELECT count(*) FROM task_executions WHERE workspace_id = p_workspace AND status IN ('scheduled', 'running'))::int,
         (SELECT count(*) FROM task_executions WHERE workspace_id = p_workspace AND status IN ('pending', 'queued'))::int,
         (SELECT count(*) FROM workflow_executions WHERE workspace_id = p_workspace AND status = 'running')::int,
         (SELECT count(*) FROM workspace_backups WHERE workspace_id = p_workspace AND state IN ('pending', 'running'))::int
$$;

-- What its owner has set stays as it is while a workspace leaves, and where it has left. Whoever changes it holds the
-- workspace's row, as a step of a move does (FOR UPDATE), so that a change is either carried or refused.
CREATE FUNCTION refuse_change_of_leaving_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found workspace_state;
BEGIN
  IF TG_TABLE_NAME = 'workspaces' THEN
    IF OLD.state = NEW.state AND OLD.state IN ('leaving', 'moved') AND
       (OLD.name, OLD.plan, OLD.egress_rules, OLD.tool_policy) IS DISTINCT FROM (NEW.name, NEW.plan, NEW.egress_rules, NEW.tool_policy)
    THEN
      RAISE EXCEPTION 'workspace % is %', OLD.id, OLD.state USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
  END IF;
  SELECT state INTO found FROM workspaces
    WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.workspace_id ELSE NEW.workspace_id END FOR KEY SHARE;
  IF found = 'leaving' OR (found = 'moved' AND TG_OP <> 'DELETE') THEN
    RAISE EXCEPTION 'the workspace is %', found USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER workspaces_leaving BEFORE UPDATE ON workspaces
  FOR EACH ROW EXECUTE FUNCTION refuse_change_of_leaving_workspace();
CREATE TRIGGER schedules_leaving BEFORE INSERT OR UPDATE OR DELETE ON schedules
  FOR EACH ROW EXECUTE FUNCTION refuse_change_of_leaving_workspace();
CREATE TRIGGER workflows_leaving BEFORE INSERT OR UPDATE OR DELETE ON workflows
  FOR EACH ROW EXECUTE FUNCTION refuse_change_of_leaving_workspace();

CREATE FUNCTION forget_workspace_rows(p_workspace uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  carried workspace_tables;
BEGIN
  FOR carried IN SELECT * FROM workspace_tables ORDER BY position DESC LOOP
    EXECUTE format('DELETE FROM %I t WHERE %s', carried.name, carried.belongs) USING p_workspace;
  END LOOP;
END $$;

-- Takes a workspace one step on in a move. Every step may be taken again. Null: it is not where this step begins, or
-- the move is another one.
-- leave: open -> leaving. settle: leaving -> moved, when nothing is under way. finish: moved for good.
-- reopen: leaving, moved -> open. arrive: none, moved -> arriving, empty. loaded: its record is complete.
-- open: arriving -> open. discard: arriving -> as before, and nothing arrives by this move any more.
CREATE FUNCTION step_workspace_move(p_workspace uuid, p_move uuid, p_step text, p_peer text, p_contents jsonb)
  RETURNS workspace_state LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  found workspaces;
  same  boolean;
BEGIN
  SELECT * INTO found FROM workspaces WHERE id = p_workspace FOR UPDATE;
  same := coalesce(found.move_id = p_move AND found.move_peer IS NOT DISTINCT FROM coalesce(p_peer, found.move_peer), false);
  CASE p_step
  WHEN 'leave' THEN
    IF same AND NOT found.move_done AND found.state IN ('leaving', 'moved') THEN RETURN found.state; END IF;
    IF found.state IS DISTINCT FROM 'open' OR found.move_id IS NOT DISTINCT FROM p_move THEN RETURN NULL; END IF;
    UPDATE workspaces SET state = 'leaving', move_id = p_move, move_peer = p_peer, move_done = false WHERE id = p_workspace;
    RETURN 'leaving';
  WHEN 'settle' THEN
    IF same AND found.state = 'moved' THEN RETURN found.state; END IF;
    IF NOT same OR found.state <> 'leaving' OR
       (SELECT running + queued + executions + backups FROM count_live_work(p_workspace)) > 0 THEN RETURN NULL; END IF;
    UPDATE workspaces SET state = 'moved' WHERE id = p_workspace;
    RETURN 'moved';
  WHEN 'finish' THEN
    IF NOT same OR found.state <> 'moved' THEN RETURN NULL; END IF;
    UPDATE workspaces SET move_done = true WHERE id = p_workspace;
    RETURN 'moved';
  WHEN 'reopen' THEN
    IF same AND found.state = 'open' THEN RETURN found.state; END IF;
    IF NOT same OR found.move_done OR found.state NOT IN ('leaving', 'moved') THEN RETURN NULL; END IF;
    UPDATE workspaces SET state = 'open' WHERE id = p_workspace;
    PERFORM pg_notify('automatos_admission', '');
    RETURN 'open';
  WHEN 'arrive' THEN
    IF EXISTS (SELECT FROM discarded_moves WHERE move_id = p_move) THEN RETURN NULL; END IF;
    IF found.id IS NULL THEN
      INSERT INTO workspaces (id, name, plan, egress_rules, tool_policy, created_at, state, move_id, move_peer)
        SELECT p_workspace, w.name, w.plan, w.egress_rules, w.tool_policy, w.created_at, 'arriving', p_move, p_peer
        FROM jsonb_populate_record(NULL::workspaces, p_contents) w;
      RETURN 'arriving';
    END IF;
    IF NOT (found.state = 'moved' AND found.move_done) AND NOT (same AND found.state = 'arriving') THEN RETURN NULL; END IF;
    PERFORM forget_workspace_rows(p_workspace);
    UPDATE workspaces o SET name = w.name, plan = w.plan, egress_rules = w.egress_rules, tool_policy = w.tool_policy,
        created_at = w.created_at, state = 'arriving', move_id = p_move, move_peer = p_peer, move_loaded = false,
        move_done = false, move_returns = found.move_returns OR found.state = 'moved', updated_at = now()
      FROM jsonb_populate_record(NULL::workspaces, p_contents) w WHERE o.id = p_workspace;
    RETURN 'arriving';
  WHEN 'loaded' THEN
    IF NOT same OR found.state <> 'arriving' THEN RETURN NULL; END IF;
    UPDATE workspaces SET move_loaded = true WHERE id = p_workspace;
    RETURN found.state;
  WHEN 'open' THEN
    IF same AND found.state = 'open' THEN RETURN found.state; END IF;
    IF NOT same OR found.state <> 'arriving' OR NOT found.move_loaded THEN RETURN NULL; END IF;
    UPDATE workspaces SET state = 'open', move_loaded = false, move_returns = false WHERE id = p_workspace;
    RETURN 'open';
  WHEN 'discard' THEN
    IF same AND found.state = 'open' THEN RETURN NULL; END IF;
    INSERT INTO discarded_moves (move_id, workspace_id, had)
      VALUES (p_move, p_workspace, same AND found.state = 'arriving') ON CONFLICT (move_id) DO NOTHING;
    IF NOT same OR found.state <> 'arriving' THEN RETURN 'moved'; END IF;
    PERFORM forget_workspace_rows(p_workspace);
    IF found.move_returns THEN
      UPDATE workspaces SET state = 'moved', move_loaded = false, move_returns = false, move_done = true WHERE id = p_workspace;
    ELSE
      DELETE FROM workspaces WHERE id = p_workspace;
    END IF;
    RETURN 'moved';
  END CASE;
END $$;

-- Opens a cursor over the rows of a workspace that is leaving or has moved, each as a line of JSON.
CREATE FUNCTION open_workspace_rows(p_workspace uuid, p_table text)
  RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  carried workspace_tables;
  rows_of refcursor;
BEGIN
  SELECT * INTO STRICT carried FROM workspace_tables WHERE name = p_table;
  IF NOT EXISTS (SELECT FROM workspaces WHERE id = p_workspace AND state IN ('leaving', 'moved')) THEN
    RAISE EXCEPTION 'workspace % is not leaving', p_workspace USING ERRCODE = 'insufficient_privilege';
  END IF;
  OPEN rows_of FOR EXECUTE format('SELECT to_jsonb(t)::text AS row FROM %I t WHERE %s ORDER BY %s', carried.name, carried.belongs,
    (SELECT string_agg(format('t.%I', k), ', ' ORDER BY n) FROM unnest(carried.key) WITH ORDINALITY AS keys (k, n)))
    USING p_workspace;
  RETURN rows_of;
END $$;

-- Adds rows to a workspace that is arriving. All are its own, or none is added.
CREATE FUNCTION add_workspace_rows(p_workspace uuid, p_move uuid, p_table text, p_rows jsonb)
  RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  carried workspace_tables;
  columns text;
  added integer;
  foreign_rows integer;
BEGIN
  SELECT * INTO STRICT carried FROM workspace_tables WHERE name = p_table;
  PERFORM FROM workspaces
    WHERE id = p_workspace AND state = 'arriving' AND move_id = p_move AND NOT move_loaded FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'workspace % does not take rows of move %', p_workspace, p_move USING ERRCODE = 'insufficient_privilege';
  END IF;
  EXECUTE format('SELECT count(*) FROM jsonb_populate_recordset(NULL::%I, $2) t WHERE (%s) IS NOT TRUE',
    carried.name, carried.belongs) INTO foreign_rows USING p_workspace, p_rows;
  IF foreign_rows > 0 THEN
    RAISE EXCEPTION '% rows of % belong to another workspace', foreign_rows, p_table USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF carried.task IS NOT NULL THEN
    EXECUTE format('SELECT count(*) FROM jsonb_populate_recordset(NULL::%I, $2) t
        JOIN task_executions x ON x.id = t.%I WHERE x.workspace_id <> $1', carried.name, carried.task)
      INTO foreign_rows USING p_workspace, p_rows;
    IF foreign_rows > 0 THEN
      RAISE EXCEPTION '% rows of % name tasks of another workspace', foreign_rows, p_table USING ERRCODE = 'insufficient_privilege';
    END IF;
  END IF;
  IF p_table = 'task_executions' AND
     EXISTS (SELECT FROM jsonb_populate_recordset(NULL::task_executions, p_rows) t WHERE NOT is_terminal(t.status)) THEN
    RAISE EXCEPTION 'a task that has not ended is not carried' USING ERRCODE = 'check_violation';
  END IF;
  IF p_table = 'workflow_executions' AND
     EXISTS (SELECT FROM jsonb_populate_recordset(NULL::workflow_executions, p_rows) t WHERE t.status = 'running') THEN
    RAISE EXCEPTION 'an execution that has not ended is not carried' USING ERRCODE = 'check_violation';
  END IF;
  SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
    WHERE attrelid = carried.name::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = '';
  EXECUTE format('INSERT INTO %1$I (%2$s) SELECT %2$s FROM jsonb_populate_recordset(NULL::%1$I, $1)',
    carried.name, columns) USING p_rows;
  GET DIAGNOSTICS added = ROW_COUNT;
  RETURN added;
END $$;

-- By which both sides know that they have the same: how many rows, and a sum over all of them, whatever their order.
-- What a database numbers for itself (the order of submission) is left out.
CREATE FUNCTION sum_workspace_rows(p_workspace uuid)
  RETURNS TABLE (name text, row_count bigint, checksum text) LANGUAGE plpgsql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  carried workspace_tables;
BEGIN
  FOR carried IN SELECT * FROM workspace_tables ORDER BY position LOOP
    name := carried.name;
    EXECUTE format(
      'SELECT count(*), coalesce(sum(hashtextextended((to_jsonb(t) - ''submission'')::text, 0)::numeric), 0)::text FROM %I t WHERE %s',
      carried.name, carried.belongs) INTO row_count, checksum USING p_workspace;
    RETURN NEXT;
  END LOOP;
END $$;
