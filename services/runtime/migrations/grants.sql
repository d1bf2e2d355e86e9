-- Who may do what. Run as a whole at the end of every migration, as the owner, since roles may be made later than the
-- tables: what is not granted here is denied, a right that was granted by an earlier version included. A new table or
-- function has nobody who may use it until it is named here. docs/decisions/0025-database-roles.md says why.
REVOKE ALL ON ALL TABLES IN SCHEMA public, bullmq FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public, bullmq FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA public, bullmq FROM PUBLIC;

DO $$
DECLARE
  service text;
  changeable text;
BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  FOREACH service IN ARRAY ARRAY['automatos_api', 'automatos_worker', 'automatos_gateway'] LOOP
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public, bullmq FROM %I', service);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA public, bullmq FROM %I', service);
    EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA public, bullmq FROM %I', service);
    EXECUTE format('REVOKE ALL ON SCHEMA bullmq FROM %I', service);
  END LOOP;

  -- What a task was submitted as, nobody changes: not what it shall do, for whom, nor in which workspace.
  SELECT string_agg(quote_ident(attname), ', ') INTO changeable FROM pg_attribute
    WHERE attrelid = 'task_executions'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN
      ('id', 'submission', 'workspace_id', 'task_type', 'agent_id', 'prompt', 'configuration', 'fingerprint', 'priority',
       'runner_backend', 'timeout_seconds', 'max_retries', 'resources_requested', 'submitted_at', 'retry_of',
       'parent_execution_id', 'correlation_id', 'created_at');

  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'automatos_api') THEN
    GRANT SELECT ON migrations TO automatos_api;
    GRANT SELECT, INSERT, UPDATE (name, plan, egress_rules, tool_policy, updated_at) ON workspaces TO automatos_api;
    GRANT USAGE ON SEQUENCE workspace_uid TO automatos_api;
    GRANT SELECT, INSERT, UPDATE (revoked_at) ON api_tokens TO automatos_api;
    GRANT SELECT, INSERT, DELETE,
      UPDATE (target, version, key_id, nonce, sealed, fingerprint, updated_at) ON credentials TO automatos_api;
    GRANT SELECT ON credential_versions TO automatos_api;
    GRANT SELECT, INSERT ON task_executions, task_events, audit_log TO automatos_api;
    EXECUTE format('GRANT UPDATE (%s) ON task_executions TO automatos_api', changeable);
    GRANT SELECT ON task_transitions, leases, workers, admission_turns, admission_clock TO automatos_api;
    GRANT SELECT, INSERT, UPDATE, DELETE ON leadership, schedules, schedule_runs TO automatos_api;
    GRANT SELECT, UPDATE ON task_approvals TO automatos_api;
    GRANT SELECT, DELETE ON task_checkpoints TO automatos_api;
    GRANT SELECT, INSERT, UPDATE, DELETE ON workspace_documents TO automatos_api;
    GRANT SELECT, INSERT, DELETE ON terminal_tickets TO automatos_api;
    GRANT SELECT ON llm_usage, llm_workspace_days TO automatos_api;
    GRANT SELECT, INSERT, UPDATE, DELETE ON workflows, workflow_versions TO automatos_api;
    GRANT SELECT, INSERT, UPDATE ON workflow_executions, workflow_steps, workflow_event_logs TO automatos_api;
    GRANT SELECT, INSERT ON workflow_events, workflow_event_order TO automatos_api;
    -- It asks for backups; what becomes of them a worker writes.
    GRANT SELECT, INSERT (id, workspace_id, kind, requested_by, backup_id) ON workspace_backups TO automatos_api;
    GRANT SELECT, INSERT, UPDATE ON workspace_backup_plans TO automatos_api;
    GRANT EXECUTE ON FUNCTION iso_time, task_error, task_result, is_terminal, note_credential_use TO automatos_api;
    GRANT SELECT ON workspace_tables, discarded_moves TO automatos_api;
    GRANT EXECUTE ON FUNCTION count_live_work, step_workspace_move, open_workspace_rows, add_workspace_rows,
      sum_workspace_rows TO automatos_api;
  END IF;

  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'automatos_worker') THEN
    GRANT SELECT ON migrations, workspaces, task_transitions, task_credentials, git_credential_hosts TO automatos_worker;
    GRANT SELECT ON task_executions TO automatos_worker;
    EXECUTE format('GRANT UPDATE (%s) ON task_executions TO automatos_worker', changeable);
    GRANT SELECT, INSERT ON task_events TO automatos_worker;
    -- It asks, and lets questions expire or be withdrawn; the trigger of 0019 leaves people's answers to the API.
    GRANT SELECT, INSERT (task_id, call_id, tool, level, input, summary, lease_token, expires_at),
      UPDATE (decision, decided_at) ON task_approvals TO automatos_worker;
    GRANT SELECT, INSERT, UPDATE, DELETE ON task_checkpoints TO automatos_worker;
    GRANT SELECT, INSERT, UPDATE, DELETE ON leases, workers, leadership, admission_turns TO automatos_worker;
    GRANT SELECT, UPDATE ON admission_clock TO automatos_worker;
    GRANT SELECT, INSERT, UPDATE ON workspace_backups, workspace_backup_plans TO automatos_worker;
    GRANT EXECUTE ON FUNCTION iso_time, task_error, task_result, is_terminal, note_credential_use TO automatos_worker;
    -- The queues hold nothing that the record does not know.
    GRANT USAGE ON SCHEMA bullmq TO automatos_worker;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA bullmq TO automatos_worker;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA bullmq TO automatos_worker;
    GRANT EXECUTE ON ALL ROUTINES IN SCHEMA bullmq TO automatos_worker;
    -- BullMQ's bulk of jobs passes through temporary tables.
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO automatos_worker', current_database());
  END IF;

  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'automatos_gateway') THEN
    GRANT SELECT ON workspace_egress, git_credentials TO automatos_gateway;
    GRANT EXECUTE ON FUNCTION note_credential_use TO automatos_gateway;
    GRANT EXECUTE ON FUNCTION llm_reserve, llm_settle, llm_heartbeat TO automatos_gateway;
  END IF;
END $$;
