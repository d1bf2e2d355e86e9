/** `pulumi config refresh`: the configuration of the last update, into Pulumi.<stack>.yaml. */
import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { ConfigError } from "../../backend/errors.ts";
import { readHistory } from "../../backend/history.ts";
import type { CommandContext } from "../context.ts";
import { configTarget, type ConfigOptions } from "./config-target.ts";

/** What is replaced is kept beside it, unless `force`. @throws ConfigError when the stack was never updated. */
export async function refresh(
  context: CommandContext,
  options: ConfigOptions & { readonly force?: boolean },
): Promise<void> {
  const { stack, settings } = await configTarget(context, options);
  const store = await context.store();
  const [latest] = await readHistory(store.blobs, store.keys(stack), { size: 1, number: 1 });
  if (latest === undefined) throw new ConfigError("getting latest configuration: no previous deployment");
  const salt = (await store.read(stack)).secrets_providers?.state?.salt;
  settings.replaceConfig(new Map(Object.entries(latest.config)));
  // what the values are encrypted with came with them
  if (salt !== undefined) settings.setEncryptionSalt(salt);
  const keeps = existsSync(settings.file) && !options.force;
  if (keeps) {
    const backup = freeName(settings.file);
    await rename(settings.file, backup);
    context.terminal.out(`backed up existing configuration file to ${backup}\n`);
  }
  await settings.save();
  if (keeps) context.terminal.out(`refreshed configuration for stack '${stack.name}'\n`);
}

/** As Pulumi: `.bak` is added until no file has the name. */
function freeName(file: string): string {
  const name = `${file}.bak`;
  return existsSync(name) ? freeName(name) : name;
}
