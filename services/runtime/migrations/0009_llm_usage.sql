-- Calls of language models: what each used, and what is set aside for those under way. The gateway writes through the
-- functions below and may do nothing else here (grants.sql).

-- Gateways that are heard of. What one that died had set aside is given back.
CREATE TABLE llm_gateways (
  id           uuid PRIMARY KEY,
  heartbeat_at timestamptz NOT NULL DEFAULT now()
);

-- One row per call. It outlives its task: it is what a workspace's use is billed by.
CREATE TABLE llm_usage (
  id                uuid PRIMARY KEY,
  task_id           uuid NOT NULL,
  workspace_id      uuid NOT NULL REFERENCES workspaces (id),
  gateway_id        uuid NOT NULL,
  -- By the name that the task used, and who answered; null where nobody did.
  model             text NOT NULL,
  provider          text,
  -- UTC; the day to which the call counts is that of its start.
  day               date NOT NULL,
  started_at        timestamptz NOT NULL DEFAULT now(),
  prompt_estimate   bigint NOT NULL CHECK (prompt_estimate >= 0),
  reserved_tokens   bigint NOT NULL CHECK (reserved_tokens >= 0),
  prompt_tokens     bigint NOT NULL DEFAULT 0 CHECK (prompt_tokens >= 0),
  completion_tokens bigint NOT NULL DEFAULT 0 CHECK (completion_tokens >= 0),
  -- Whether the provider did not say what it used.
  estimated         boolean NOT NULL DEFAULT false,
  attempts          integer NOT NULL DEFAULT 0,
  duration_ms       double precision,
  -- Null while the call is under way; `lost` when its gateway died.
  outcome           text,
  CHECK (outcome IS NULL OR reserved_tokens = 0)
);
CREATE INDEX llm_usage_open ON llm_usage (gateway_id) WHERE outcome IS NULL;
CREATE INDEX llm_usage_by_workspace ON llm_usage (workspace_id, day);
CREATE INDEX llm_usage_by_task ON llm_usage (task_id);

-- Sums of the above, so that a budget is checked without adding calls up. Their rows are also the locks under which
-- budgets are checked, always the workspace's before the task's.
CREATE TABLE llm_workspace_days (
  workspace_id uuid NOT NULL REFERENCES workspaces (id),
  day          date NOT NULL,
  used         bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
  reserved     bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  PRIMARY KEY (workspace_id, day)
);
CREATE TABLE llm_tasks (
  task_id  uuid PRIMARY KEY,
  used     bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
  reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0)
);

-- Sets tokens aside for a call: its prompt, and as much output as is wanted or left. `p_least`: output for which a call
-- is worth making. `p_worth`: output below which one that others' reservations curtail does better to wait.
-- Decides `granted`, `task_not_running`, `task_budget_exhausted`, `workspace_budget_exhausted` or `reserved`.
CREATE FUNCTION llm_reserve(
  p_call uuid, p_gateway uuid, p_task uuid, p_workspace uuid, p_model text,
  p_prompt bigint, p_wanted bigint, p_least bigint, p_worth bigint, p_plan_limits jsonb,
  OUT decision text, OUT output_tokens bigint, OUT budget bigint, OUT used_tokens bigint, OUT resets_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  today     constant date := (now() AT TIME ZONE 'UTC')::date;
  tomorrow  constant timestamptz := (today + 1)::timestamp AT TIME ZONE 'UTC';
  month_end constant timestamptz := (date_trunc('month', today::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
  limits    jsonb;
  task_budget bigint;
  on_task   llm_tasks;
  on_day    llm_workspace_days;
  on_month  record;
  bound     record;
  -- What no call under way can give back, and what is left beside those.
  room      bigint := 9223372036854775807;
  free      bigint := 9223372036854775807;
BEGIN
  SELECT (t.configuration ->> 'tokenBudget')::bigint, coalesce(p_plan_limits -> w.plan, '{}') INTO task_budget, limits
    FROM task_executions t JOIN workspaces w ON w.id = t.workspace_id
    WHERE t.id = p_task AND t.workspace_id = p_workspace AND t.status = 'running' AND t.cancel_requested_at IS NULL;
  IF NOT FOUND THEN
    decision := 'task_not_running';
    RETURN;
  END IF;
  INSERT INTO llm_gateways (id) VALUES (p_gateway) ON CONFLICT DO NOTHING;
  INSERT INTO llm_workspace_days (workspace_id, day) VALUES (p_workspace, today) ON CONFLICT DO NOTHING;
  SELECT * INTO on_day FROM llm_workspace_days WHERE workspace_id = p_workspace AND day = today FOR UPDATE;
  INSERT INTO llm_tasks (task_id) VALUES (p_task) ON CONFLICT DO NOTHING;
  SELECT * INTO on_task FROM llm_tasks WHERE task_id = p_task FOR UPDATE;

  SELECT sum(days.used)::bigint AS used, sum(days.reserved)::bigint AS reserved INTO on_month
    FROM llm_workspace_days days
    WHERE days.workspace_id = p_workspace AND days.day >= date_trunc('month', today::timestamp)::date;

  IF task_budget IS NOT NULL THEN
    room := task_budget - on_task.used;
    free := room - on_task.reserved;
    IF room < p_prompt + p_least THEN
      decision := 'task_budget_exhausted';
      budget := task_budget;
      used_tokens := on_task.used;
      RETURN;
    END IF;
  END IF;
  FOR bound IN
    SELECT * FROM (
      VALUES ((limits ->> 'tokensPerDay')::bigint, on_day.used, on_day.reserved, tomorrow),
             ((limits ->> 'tokensPerMonth')::bigint, on_month.used, on_month.reserved, month_end)
    ) AS bounds (budget, used, reserved, resets_at)
  LOOP
    CONTINUE WHEN bound.budget IS NULL;
    room := least(room, bound.budget - bound.used);
    free := least(free, bound.budget - bound.used - bound.reserved);
    IF bound.budget - bound.used < p_prompt + p_least THEN
      decision := 'workspace_budget_exhausted';
      budget := bound.budget;
      used_tokens := bound.used;
      resets_at := bound.resets_at;
      RETURN;
    END IF;
  END LOOP;

  output_tokens := least(p_wanted, free - p_prompt);
  IF output_tokens < least(p_wanted, room - p_prompt, greatest(p_worth, p_least)) THEN
    decision := 'reserved';
    RETURN;
  END IF;
  INSERT INTO llm_usage (id, task_id, workspace_id, gateway_id, model, day, prompt_estimate, reserved_tokens)
    VALUES (p_call, p_task, p_workspace, p_gateway, p_model, today, p_prompt, p_prompt + output_tokens);
  UPDATE llm_workspace_days SET reserved = reserved + p_prompt + output_tokens
    WHERE workspace_id = p_workspace AND day = today;
  UPDATE llm_tasks SET reserved = reserved + p_prompt + output_tokens WHERE task_id = p_task;
  decision := 'granted';
END $$;

-- Records what a call used and gives the rest of its reservation back. A second time it does nothing, except for a call
-- that was taken for lost: its gateway lives after all, and knows better.
CREATE FUNCTION llm_settle(
  p_call uuid, p_provider text, p_prompt bigint, p_completion bigint, p_estimated boolean,
  p_attempts integer, p_duration_ms double precision, p_outcome text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  before llm_usage;
  more   bigint;
BEGIN
  SELECT * INTO before FROM llm_usage WHERE id = p_call FOR UPDATE;
  IF NOT FOUND OR before.outcome <> 'lost' THEN
    RETURN false;
  END IF;
  more := p_prompt + p_completion - before.prompt_tokens - before.completion_tokens;
  UPDATE llm_workspace_days SET used = used + more, reserved = reserved - before.reserved_tokens
    WHERE workspace_id = before.workspace_id AND day = before.day;
  UPDATE llm_tasks SET used = used + more, reserved = reserved - before.reserved_tokens
    WHERE task_id = before.task_id;
  UPDATE llm_usage SET
    provider = p_provider, prompt_tokens = p_prompt, completion_tokens = p_completion, estimated = p_estimated,
    attempts = p_attempts, duration_ms = p_duration_ms, outcome = p_outcome, reserved_tokens = 0
    WHERE id = p_call;
  RETURN true;
END $$;

-- Says that a gateway lives, and closes calls of those that do not: their prompts count as they were estimated.
-- Returns how many calls were closed.
CREATE FUNCTION llm_heartbeat(p_gateway uuid, p_lost_after_seconds double precision)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  lost   llm_usage;
  closed integer := 0;
BEGIN
  INSERT INTO llm_gateways (id) VALUES (p_gateway) ON CONFLICT (id) DO UPDATE SET heartbeat_at = now();
  FOR lost IN
    SELECT * FROM llm_usage call WHERE outcome IS NULL AND NOT EXISTS (
      SELECT FROM llm_gateways
        WHERE id = call.gateway_id AND heartbeat_at > now() - make_interval(secs => p_lost_after_seconds))
    ORDER BY workspace_id, day, task_id LIMIT 1000 FOR UPDATE SKIP LOCKED
  LOOP
    PERFORM llm_settle(lost.id, NULL, lost.prompt_estimate, 0, true, 0, NULL, 'lost');
    closed := closed + 1;
  END LOOP;
  DELETE FROM llm_gateways WHERE heartbeat_at < now() - interval '1 day';
  RETURN closed;
END $$;
