-- Rows of one call: what was about to be done (outcome 'started') and how it ended. Null for rows that stand alone.
ALTER TABLE audit_log ADD COLUMN call text;
CREATE INDEX audit_log_by_call ON audit_log (call, id) WHERE call IS NOT NULL;

-- Tools of level safe leave no row; one that this table does not know does. Kept equal to contracts/tools.ts by a test.
CREATE TABLE unaudited_tools (name text PRIMARY KEY);
INSERT INTO unaudited_tools VALUES
  ('list_directory'), ('search_codebase'), ('semantic_search'), ('search_documents'), ('search_images'),
  ('search_tables'), ('list_tasks'), ('read_task_result');

-- A task's tool calls are its events; their rows are written with them, by whoever writes them and in the same
-- transaction, so that no call can have the one without the other. The worker waits for the event of a command's start
-- before it starts it: a crash in between leaves a row 'started' that nothing follows, and never an effect without one.
CREATE FUNCTION audit_tool_calls() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
      ORDER BY e.sequence;
  RETURN NULL;
END $$;
CREATE TRIGGER task_events_audited AFTER INSERT ON task_events
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION audit_tool_calls();
