/** Starts and configures policy packs. */
import { normalize, resolve } from "node:path";
import type { PolicyPackRequest } from "../../model.ts";
import { Analyzer } from "./analyzer.ts";
import { PolicyConfigFileError } from "./errors.ts";
import { readPolicyConfig, reconcileConfig, unknownPolicies } from "./pack-config.ts";
import { readPackProject } from "./pack-project.ts";
import type { PackHost } from "./pack-process.ts";

/** Longer paths are shortened in events, as Pulumi does it. */
const LONGEST_PATH = 75;

export interface LoadedPack {
  readonly analyzer: Analyzer;
  /** As the summary event names it: `<name>|local|<path>`. */
  readonly nameForEvents: string;
}

/**
 * Starts the pack and tells it its configuration.
 * @param warn Called with what is in the configuration without effect.
 * @throws PolicyPackMissingError and what else errors.ts has
 */
export async function loadPack(
  { path, config }: PolicyPackRequest,
  host: PackHost,
  warn: (message: string) => void,
): Promise<LoadedPack> {
  // A mistake in the file is told before anything is started.
  const fromFile = config === undefined ? new Map<string, never>() : readPolicyConfig(resolve(config));
  const analyzer = await Analyzer.start(readPackProject(resolve(path)), host);
  try {
    const { info } = analyzer;
    if (config !== undefined && !info.supportsConfig)
      throw new PolicyConfigFileError(config, `policy pack ${JSON.stringify(info.name)} does not support config`);
    if (info.supportsConfig) {
      for (const name of unknownPolicies(info, fromFile))
        warn(`${String(config)}: policy pack ${info.name} has no policy ${JSON.stringify(name)}`);
      await analyzer.configure(reconcileConfig(info, fromFile));
    }
    return { analyzer, nameForEvents: `${info.name}|local|${abbreviatePath(path)}` };
  } catch (error) {
    await analyzer.close();
    throw error;
  }
}

export function abbreviatePath(path: string): string {
  const clean = normalize(path);
  if (clean.length <= LONGEST_PATH) return clean;
  const folders = clean.split("/");
  return folders.length <= 4 ? clean : [...folders.slice(0, 2), "...", ...folders.slice(-2)].join("/");
}
