-- Where a worker takes synchronous tool calls; null: it takes none.
ALTER TABLE workers ADD COLUMN tools_url text;

-- Lets a browser open one terminal. A row is deleted by its use, so that a ticket is good once, whichever API is asked.
CREATE TABLE terminal_tickets (
  ticket_hash  bytea PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES workspaces (id),
  -- Who was given it, as the API knows a caller.
  caller       jsonb NOT NULL,
  expires_at   timestamptz NOT NULL
);
CREATE INDEX terminal_tickets_by_expiry ON terminal_tickets (expires_at);
