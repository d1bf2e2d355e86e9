/** `pulumi stack output`. */
import { holdsSecrets, stackOutputsOf, type Deployment } from "../../backend/deployment.ts";
import { EngineError, UsageError } from "../../backend/errors.ts";
import { propertiesFromJson, propertiesToJson, type JsonMap } from "../../backend/property-json.ts";
import { maskingCodec, revealingCodec } from "../../backend/secret-codecs.ts";
import type { StackReference } from "../../backend/stack-reference.ts";
import type { CommandContext } from "../context.ts";
import { printedJson, printedTable, sortKeys } from "../json.ts";

export async function output(
  context: CommandContext,
  name: string | undefined,
  options: {
    readonly stack?: string;
    readonly json?: boolean;
    readonly shell?: boolean;
    readonly showSecrets?: boolean;
  },
): Promise<void> {
  if (options.json && options.shell) throw new UsageError("only one of --json and --shell may be set");
  const stack = await context.requireStack(options.stack);
  const deployment = await (await context.store()).read(stack);
  const outputs = await visibleOutputs(context, stack, deployment, options.showSecrets ?? false);
  const { out } = context.terminal;
  if (name === undefined) {
    if (options.json) out(printedJson(outputs));
    else if (options.shell) for (const key of Object.keys(outputs)) out(shellLine(key, outputs[key]));
    else printOutputs(context, outputs);
    return;
  }
  if (!Object.hasOwn(outputs, name))
    throw new EngineError("OUTPUT_NOT_FOUND", `current stack does not have output property '${name}'`);
  if (options.json) out(printedJson(outputs[name]));
  else out(options.shell ? shellLine(name, outputs[name]) : `${printedValue(outputs[name])}\n`);
}

/** A stack's outputs; secrets are the text `[secret]` unless they are to be shown. */
export async function visibleOutputs(
  context: CommandContext,
  stack: StackReference,
  deployment: Deployment,
  reveal: boolean,
): Promise<JsonMap> {
  const outputs = stackOutputsOf(deployment);
  if (!holdsSecrets(outputs)) return sorted(outputs);
  const where = (await context.store()).whereIs(stack);
  const crypter = reveal ? await context.crypterOf(deployment, where) : undefined;
  const codec = crypter === undefined ? maskingCodec : revealingCodec(crypter);
  return propertiesToJson(propertiesFromJson(outputs, codec, ""), codec, "");
}

export function printOutputs(context: CommandContext, outputs: JsonMap): void {
  const { out } = context.terminal;
  const rows = Object.entries(outputs).map(([key, value]) => [key, printedValue(value)]);
  out(`Current stack outputs (${rows.length}):\n`);
  if (rows.length === 0) out("    No output values currently in this stack\n");
  else out(printedTable(["OUTPUT", "VALUE"], rows, "    "));
}

function printedValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(sortKeys(value));
}

function shellLine(name: string, value: unknown): string {
  return `${name}='${printedValue(value).replaceAll("'", String.raw`'\''`)}'\n`;
}

function sorted(outputs: JsonMap): JsonMap {
  return sortKeys(outputs) as JsonMap;
}
