-- The words of a workspace's text documents, for search_documents: brought up to date by each search, from the files.
CREATE TABLE workspace_documents (
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  path         text NOT NULL,
  size_bytes   bigint NOT NULL,
  -- Of the file as it was indexed, in milliseconds since 1970.
  modified_ms  bigint NOT NULL,
  language     text NOT NULL,
  -- Empty for what is no text.
  words        tsvector NOT NULL,
  PRIMARY KEY (workspace_id, path)
);
