-- Values that tasks, tools and the gateway need and nobody may read here. `sealed` is AES-256-GCM under a key that no
-- database holds; who it is for, what it is called and which version it is are bound into it, so that no row can be put
-- in the place of another (services/workspace/credentials/).
CREATE TABLE credentials (
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name         text NOT NULL CHECK (name <> ''),
  kind         text NOT NULL CHECK (kind IN ('env', 'ssh_key', 'git_https', 'file', 'database')),
  -- What it is for, as may be shown: a variable, a host, a path.
  target       text NOT NULL,
  -- Counts the changes of the value; a name that was removed and comes again goes on counting.
  version      integer NOT NULL CHECK (version >= 1),
  key_id       text NOT NULL,
  nonce        bytea NOT NULL CHECK (octet_length(nonce) = 12),
  sealed       bytea NOT NULL,
  fingerprint  text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  PRIMARY KEY (workspace_id, name)
);
CREATE INDEX credentials_by_key ON credentials (key_id);

-- The last version that a removed name had: a row from a backup cannot pass for the one that came after it.
CREATE TABLE credential_versions (
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name         text NOT NULL,
  version      integer NOT NULL,
  PRIMARY KEY (workspace_id, name)
);
CREATE FUNCTION remember_credential_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  -- Not when the workspace itself is being removed.
  INSERT INTO public.credential_versions
    SELECT OLD.workspace_id, OLD.name, OLD.version FROM public.workspaces WHERE id = OLD.workspace_id
    ON CONFLICT (workspace_id, name) DO UPDATE SET version = excluded.version;
  RETURN NULL;
END $$;
CREATE TRIGGER credentials_removed AFTER DELETE ON credentials
  FOR EACH ROW EXECUTE FUNCTION remember_credential_version();

-- What a worker may read, and what the gateway may: each its own kinds. Neither holds the keys of the others' either.
CREATE VIEW task_credentials AS
  SELECT workspace_id, name, kind, target, version, key_id, nonce, sealed FROM credentials
  WHERE kind IN ('env', 'ssh_key', 'file');
CREATE VIEW git_credentials AS
  SELECT workspace_id, name, kind, target, version, key_id, nonce, sealed FROM credentials WHERE kind = 'git_https';

-- When a credential was used last, to the minute: who may use one need not be able to change it.
CREATE FUNCTION note_credential_use(of_workspace uuid, names text[]) RETURNS void LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE public.credentials SET last_used_at = date_trunc('minute', now())
  WHERE workspace_id = of_workspace AND name = ANY (names)
    AND (last_used_at IS NULL OR last_used_at < date_trunc('minute', now()))
$$;
