/** `pulumi stack history`. */
import { hasSecret, resolveConfigValue } from "../../backend/config-values.ts";
import type { ConfigNode } from "../../backend/config-path.ts";
import { readHistory, type UpdateRecord } from "../../backend/history.ts";
import type { Crypter } from "../../backend/passphrase.ts";
import { durationText } from "../../display/summary.ts";
import { painter } from "../../display/words.ts";
import type { CommandContext } from "../context.ts";
import { humanTime, isoTime } from "../dates.ts";
import { structJson } from "../json.ts";

interface HistoryOptions {
  readonly stack?: string;
  readonly json?: boolean;
  readonly showSecrets?: boolean;
  readonly fullDates?: boolean;
  readonly pageSize?: number;
  readonly page?: number;
}

export async function history(context: CommandContext, options: HistoryOptions): Promise<void> {
  const { pageSize = 10, page = 1 } = options;
  const stack = await context.requireStack(options.stack);
  const store = await context.store();
  const records = await readHistory(store.blobs, store.keys(stack), { size: pageSize, number: page });
  const holdsSecrets = records.some(({ config }) => Object.values(config).some(hasSecret));
  const crypter =
    options.showSecrets && holdsSecrets ? await context.crypter(await context.settings(stack)) : undefined;
  const { terminal } = context;
  if (options.json) terminal.out(structJson(records.map((record) => recordJson(record, crypter))));
  else if (records.length > 0) for (const record of records) terminal.out(recordText(record, options, terminal.color));
  else terminal.out(page > 1 ? `No stack updates found on page '${page}'\n` : "Stack has never been updated\n");
}

function recordJson(record: UpdateRecord, crypter: Crypter | undefined): object {
  const { version, kind, startTime, message, environment, config, result, endTime, resourceChanges } = record;
  return {
    version,
    kind,
    startTime: isoTime(new Date(startTime * 1_000)),
    message,
    environment,
    config: Object.fromEntries(Object.entries(config).map(([key, node]) => [key, valueJson(node, crypter)])),
    result,
    ...(result !== "in-progress" && { endTime: isoTime(new Date(endTime * 1_000)), resourceChanges }),
  };
}

/** A secret that this passphrase does not open, from before the passphrase was changed, does not hide the others. */
function valueJson(node: ConfigNode, crypter: Crypter | undefined): object {
  const secret = hasSecret(node);
  if (secret && crypter === undefined) return { secret };
  try {
    const { value, object } = resolveConfigValue(node, (ciphertext) => crypter?.decrypt(ciphertext) ?? "");
    return { value, ...(object && { objectValue: JSON.parse(value) as unknown }), secret };
  } catch {
    return { value: "ERROR_UNABLE_TO_DECRYPT", secret };
  }
}

function recordText(record: UpdateRecord, options: HistoryOptions, color: boolean): string {
  const paint = painter(color);
  const count = (op: string): number => record.resourceChanges[op] ?? 0;
  const begun = new Date(record.startTime * 1_000);
  const when = options.fullDates ? isoTime(begun) : humanTime(begun);
  const environment = Object.entries(record.environment)
    .filter(([, value]) => value.trim() !== "")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `    ${key}: ${value}\n`);
  return [
    `Version: ${record.version}\n`,
    `UpdateKind: ${record.kind}\n`,
    paint(record.result === "succeeded" ? "green" : "red", `Status: ${record.result}\n`),
    `Message: ${record.message}\n`,
    paint("green", `+${count("create")}`),
    paint("red", `-${count("delete")}`),
    paint("yellow", `~${count("update")}`),
    ` ${count("same")}`,
    ` Updated ${when} took ${durationText(record.endTime - record.startTime)}\n`,
    ...environment,
    "\n",
  ].join("");
}
