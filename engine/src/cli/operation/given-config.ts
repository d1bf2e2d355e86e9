/** `--config key=value` of an operation: set in the stack's settings before it, and kept there. */
import { UsageError } from "../../backend/errors.ts";
import type { Project } from "../../backend/project.ts";
import type { StackSettings } from "../../backend/stack-settings.ts";
import { locateKey, nodeOf } from "../commands/config-target.ts";

/** A key without a value is set to the empty text, as with Pulumi. */
export async function saveGivenConfig(
  project: Project,
  settings: StackSettings,
  options: { readonly config?: readonly string[]; readonly configPath?: boolean },
): Promise<void> {
  const { config = [], configPath = false } = options;
  if (config.length === 0) return;
  for (const pair of config) {
    const at = pair.indexOf("=");
    const [given, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
    if (given === "") throw new UsageError(`'${pair}' of --config has no key`);
    const { key, path } = locateKey(project.name, given, configPath);
    settings.set(key, path, nodeOf(value, path));
  }
  await settings.save();
}
