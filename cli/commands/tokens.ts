import { ApiToken, CreatedToken, TokenList } from "../../contracts/http-api.ts";
import { checkedId, Context, splitWorkspace, type GlobalOptions } from "../context.ts";
import { UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { localTime } from "../output/format.ts";
import { forTerminal, inOneLine } from "../output/style.ts";
import { table } from "../output/table.ts";
import { open } from "./workspace.ts";

export interface TokenCreateOptions extends GlobalOptions {
  readonly expires?: string;
  readonly mayApprove?: boolean;
}

/** Whose tokens a command is about: a workspace's, or the administrators'. */
export type TokenKind = "workspace" | "admin";

export async function tokenCreate(
  kind: TokenKind,
  args: readonly string[],
  options: TokenCreateOptions,
): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  const [name] = rest;
  if (name === undefined) throw new UsageError("the token has no name", "Name who or what will use it.");
  const { context, path } = await collection(kind, named, options);
  const body = { name, expiresAt: expiry(options.expires), mayApprove: options.mayApprove };
  const created = await context.client.call("POST", path, CreatedToken, { body });
  context.answer(created, () => created.token);
  if (!context.json) context.note("The token is shown this once.");
  return EXIT.ok;
}

export async function tokenList(kind: TokenKind, named: string | undefined, options: GlobalOptions): Promise<number> {
  const { context, path } = await collection(kind, named, options);
  const list = await context.client.call("GET", path, TokenList);
  context.answer(list, () => {
    if (list.items.length === 0) return "no tokens";
    const rows = list.items.map((token) => [
      token.tokenId,
      forTerminal(token.name, false),
      stateOf(token),
      localTime(token.createdAt),
      localTime(token.expiresAt),
    ]);
    return table(["TOKEN", "NAME", "STATE", "CREATED", "EXPIRES"], rows);
  });
  return EXIT.ok;
}

export async function tokenRevoke(kind: TokenKind, args: readonly string[], options: GlobalOptions): Promise<number> {
  // Both ids are UUIDs: of two the first is the workspace.
  const [first, second] = args;
  const [named, tokenId] = second === undefined ? [undefined, first] : [first, second];
  if (tokenId === undefined) throw new UsageError("no token is named", "List them to find its id.");
  const { context, path } = await collection(kind, named, options);
  const token = await context.client.call("DELETE", `${path}/${checkedId("token", tokenId)}`, ApiToken);
  context.answer(token, () => `${inOneLine(forTerminal(token.name, false))} is revoked`);
  return EXIT.ok;
}

async function collection(kind: TokenKind, named: string | undefined, options: GlobalOptions) {
  if (kind === "admin") return { context: await Context.create(options), path: "/api/admin/tokens" };
  const { context, path } = await open(named, options);
  return { context, path: `${path}/tokens` };
}

function expiry(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new UsageError(`${text} is no time`, "Write it as 2026-05-01T14:00 or 2026-05-01.");
  return date.toISOString();
}

function stateOf({ revokedAt, expiresAt }: ApiToken): string {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now() ? "expired" : "valid";
}
