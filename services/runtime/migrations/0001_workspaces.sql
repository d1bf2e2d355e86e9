-- Each workspace has a user id of its own on worker hosts, so that files and processes of two never mix.
-- Above what distributions hand out to people, services and containers' subordinate ranges' usual start.
CREATE SEQUENCE workspace_uid AS integer START 200000 MINVALUE 200000 MAXVALUE 2000000000;

CREATE TABLE workspaces (
  id           uuid PRIMARY KEY,
  name         text NOT NULL CHECK (name <> ''),
  plan         text NOT NULL,
  uid          integer NOT NULL UNIQUE DEFAULT nextval('workspace_uid'),
  egress_rules text[] NOT NULL DEFAULT '{}',
  tool_policy  jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
ALTER SEQUENCE workspace_uid OWNED BY workspaces.uid;
CREATE INDEX workspaces_by_age ON workspaces (created_at, id);

-- What the gateway may know. Its role is granted this view in grants.sql and nothing else.
CREATE VIEW workspace_egress AS SELECT id AS workspace_id, egress_rules FROM workspaces;

CREATE FUNCTION notify_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('automatos_workspaces', NEW.id::text);
  RETURN NULL;
END $$;
CREATE TRIGGER workspaces_changed AFTER INSERT OR UPDATE ON workspaces
  FOR EACH ROW EXECUTE FUNCTION notify_workspace();
