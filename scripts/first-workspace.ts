// The workspace that `npm start` makes, so that a first task has a place to run in.
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { CreatedToken, TaskList, TokenList } from "../contracts/http-api.ts";
import { AUTOMATOS_DIR, ScriptError } from "./dev-stack.ts";

/** Always the same: however often the first start is killed and run again, there is one first workspace. */
const FIRST_WORKSPACE_ID = "00000000-0000-4000-8000-000000000001";
const TOKEN_NAME = "first workspace";
const TOKEN_FILE = path.join(AUTOMATOS_DIR, "first-workspace.token");

export interface FirstWorkspace {
  readonly workspaceId: string;
  /** Holds a token that speaks for this workspace alone. */
  readonly tokenFile: string;
  /** Whether a task completed in it before. */
  readonly isUsed: boolean;
}

interface Api {
  readonly apiUrl: string;
  readonly adminToken: string;
}

async function request(api: Api, method: string, route: string, body?: unknown): Promise<Response> {
  return fetch(`${api.apiUrl}${route}`, {
    method,
    headers: {
      authorization: `Bearer ${api.adminToken}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function ask<Schema extends z.ZodType>(
  api: Api,
  schema: Schema,
  method: string,
  route: string,
  body?: unknown,
): Promise<z.output<Schema>> {
  const response = await request(api, method, route, body);
  if (!response.ok) throw new ScriptError(`${method} ${route} answered ${response.status}: ${await response.text()}`);
  return schema.parse(response.status === 204 ? undefined : await response.json());
}

/** Makes the first workspace and a token for it, or finds them. */
export async function ensureFirstWorkspace(api: Api): Promise<FirstWorkspace> {
  const workspaceId = FIRST_WORKSPACE_ID;
  const found = await request(api, "GET", `/api/workspaces/${workspaceId}`);
  if (found.status === 404) {
    await ask(api, z.unknown(), "POST", "/api/workspaces", { workspaceId, name: "first", plan: "pro" });
  } else if (!found.ok) {
    throw new ScriptError(`the first workspace could not be read (${found.status}): ${await found.text()}`);
  }
  if (!existsSync(TOKEN_FILE)) await makeToken(api, workspaceId);
  const { items } = await ask(api, TaskList, "GET", `/api/tasks?workspaceId=${workspaceId}&status=completed&limit=1`);
  return { workspaceId, tokenFile: TOKEN_FILE, isUsed: items.length > 0 };
}

/** A token is shown once: one whose file is lost is revoked, so that none stays valid unseen. */
async function makeToken(api: Api, workspaceId: string): Promise<void> {
  const route = `/api/workspaces/${workspaceId}/tokens`;
  const { items } = await ask(api, TokenList, "GET", route);
  for (const { tokenId } of items.filter(({ name, revokedAt }) => name === TOKEN_NAME && revokedAt === null)) {
    await ask(api, z.unknown(), "DELETE", `${route}/${tokenId}`);
  }
  const { token } = await ask(api, CreatedToken, "POST", route, { name: TOKEN_NAME });
  writeFileSync(TOKEN_FILE, `${token}\n`, { mode: 0o600 });
}
