-- Recipes of workspaces, by the name that their owner chose (contracts/workflow-recipe.ts).
CREATE TABLE workflows (
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  id           text NOT NULL,
  -- The newest. A name that was removed goes on counting when it is used again, so that a number means one recipe.
  version      integer NOT NULL CHECK (version > 0),
  removed_at   timestamptz,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE workflow_versions (
  workspace_id uuid NOT NULL,
  workflow_id  text NOT NULL,
  version      integer NOT NULL,
  recipe       jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, workflow_id, version),
  FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id) ON DELETE CASCADE
);
