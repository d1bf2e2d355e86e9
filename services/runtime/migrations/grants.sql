-- Run at every start after the migrations, since the gateway's role may be made later than the tables.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'automatos_gateway') THEN
    GRANT SELECT ON workspace_egress TO automatos_gateway;
    GRANT EXECUTE ON FUNCTION llm_reserve, llm_settle, llm_heartbeat TO automatos_gateway;
  END IF;
END $$;
