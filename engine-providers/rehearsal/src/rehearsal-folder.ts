/** Where a rehearsal is kept, and which configuration file it follows. */
import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { PropertyMap } from "@automatos/provider-plugin";
import { RehearsalSettings, readSettings } from "./settings.ts";
import { firstText, textAt } from "./values.ts";

/** Names the folder: instead of the provider's `rehearsalDir`, which counts more. */
export const FOLDER_VARIABLE = "PULUMI_REHEARSAL_DIR";
/** Names the configuration file: instead of the provider's `rehearsalFile`, which counts more. */
export const FILE_VARIABLE = "PULUMI_REHEARSAL_FILE";

export interface RehearsalPlace {
  /** Absolute. */
  readonly folder: string;
  readonly settings: RehearsalSettings;
}

/**
 * The folder: the provider's configuration `rehearsalDir`, else the environment's, else `.pulumi/rehearsal` in the
 * project's folder. The file: `rehearsalFile`, else the environment's, else `rehearsal.json` in the folder, if there is
 * one. Relative paths begin in the project's folder.
 * @throws SettingsError
 */
export function rehearsalPlace(
  config: PropertyMap,
  environment: NodeJS.ProcessEnv,
  workFolder: string,
): RehearsalPlace {
  const project = firstText(environment["PULUMI_ROOT_DIRECTORY"], workFolder);
  const from = (path: string) => (isAbsolute(path) ? path : resolve(project, path));
  const named = firstText(textAt(config, "rehearsalDir"), environment[FOLDER_VARIABLE]);
  const folder = named === "" ? join(project, ".pulumi", "rehearsal") : from(named);
  const file = firstText(textAt(config, "rehearsalFile"), environment[FILE_VARIABLE]);
  if (file !== "") return { folder, settings: readSettings(from(file)) };
  const usual = join(folder, "rehearsal.json");
  return { folder, settings: existsSync(usual) ? readSettings(usual) : RehearsalSettings.parse({}) };
}
