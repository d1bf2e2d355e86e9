import type { MoveState } from "../../contracts/workspace-move.ts";
import { ApiClient } from "../api-client.ts";
import { Context, type GlobalOptions } from "../context.ts";
import { UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { abort, carry, describeWork, stateAt, type Carried } from "../move/carry.ts";
import { fields } from "../output/table.ts";

export interface WorkspaceMoveOptions extends GlobalOptions {
  readonly to?: string;
  readonly status?: boolean;
  readonly abort?: boolean;
  readonly cancel?: boolean;
  /** Seconds. */
  readonly wait?: number;
}

const DEFAULT_WAIT_SECONDS = 3_600;

/** `automatos workspace move`: to another installation, and back. */
export async function workspaceMove(named: string | undefined, options: WorkspaceMoveOptions): Promise<number> {
  if (options.to === undefined) {
    throw new UsageError("it is not said where to", "Give --to with the URL of the other installation's API.");
  }
  const token = process.env["AUTOMATOS_TO_TOKEN"];
  if (token === undefined || token === "") {
    throw new UsageError(`no token is known for ${options.to}`, "Set AUTOMATOS_TO_TOKEN to an admin token of it.");
  }
  const context = await Context.create(options);
  const source = context.client;
  const target = new ApiClient({ apiUrl: checkedUrl(options.to), token });
  if (target.apiUrl === source.apiUrl) {
    throw new UsageError("both sides are one installation", "Give --to with the URL of another one.");
  }
  const workspaceId = await context.workspaceId(named);
  if (options.status === true) {
    const [here, there] = await Promise.all([source, target].map((side) => stateAt(side, workspaceId)));
    context.answer({ source: here ?? null, target: there ?? null }, () =>
      fields([
        [source.apiUrl, describe(here)],
        [target.apiUrl, describe(there)],
      ]),
    );
    return EXIT.ok;
  }
  if (options.abort === true) {
    const state = await abort({ source, target, workspaceId });
    context.answer(state, () => `${workspaceId} is ${state.state} again at ${source.apiUrl}`);
    return EXIT.ok;
  }
  const carried = await carry({
    ...{ source, target, workspaceId },
    waitSeconds: options.wait ?? DEFAULT_WAIT_SECONDS,
    cancel: options.cancel === true,
    note: (text) => context.note(text),
  });
  context.answer(carried, () => summary(carried));
  return EXIT.ok;
}

function checkedUrl(text: string): string {
  if (!/^https?:\/\/[^/]/.test(text)) throw new UsageError(`${text} is no URL of an API`, "Give http(s)://host:port.");
  return text.replace(/\/+$/, "");
}

function describe(state: MoveState | undefined): string {
  if (state === undefined) return "unknown";
  const work = describeWork(state);
  return state.state === "open" ? `open, ${work}` : `${state.state} (${state.peer ?? "?"}), ${work}`;
}

function summary({ workspaceId, to, rows, files, credentials, plan, egressRules }: Carried): string {
  const lines = [`${workspaceId} lives at ${to} now: ${rows} rows, ${files} entries of its files compared`];
  const rules = egressRules.length === 0 ? "no egress rules of its own" : `the egress rules ${egressRules.join(", ")}`;
  lines.push(`It has the plan ${plan} there, and ${rules}, as it had here.`);
  if (credentials.length > 0) lines.push(`credentials to be set there anew: ${credentials.join(", ")}`);
  lines.push("Its tokens are of no use there: make new ones with `automatos workspace tokens create`.");
  return lines.join("\n");
}
