/** A stack's configuration as its program gets it. */
import type { ConfigNode } from "../backend/config-path.ts";
import { resolveConfigValue, shortConfigKey } from "../backend/config-values.ts";
import type { ProgramConfigValue } from "../model.ts";
import { ConfigError } from "../backend/errors.ts";
import type { Crypter } from "../backend/passphrase.ts";
import type { Project } from "../backend/project.ts";
import type { StackSettings } from "../backend/stack-settings.ts";

/** The stack's own values over what Pulumi.yaml gives to every stack. */
export function layeredConfig(project: Project, settings: StackSettings): Map<string, ConfigNode> {
  const config = settings.config();
  for (const [key, { value }] of project.config)
    if (value !== undefined && !config.has(key)) config.set(key, value as ConfigNode);
  return config;
}

/**
 * Every value decrypted, by full key.
 * @param options `mustBeWhole`: whether keys may be missing.
 * @throws ConfigError naming every key that Pulumi.yaml declares and nothing sets.
 */
export function programConfig(
  project: Project,
  settings: StackSettings,
  stack: string,
  crypter: Crypter,
  { mustBeWhole }: { readonly mustBeWhole: boolean },
): Map<string, ProgramConfigValue> {
  const config = layeredConfig(project, settings);
  const missing = mustBeWhole ? [...project.config.keys()].filter((key) => !config.has(key)) : [];
  if (missing.length > 0) {
    const names = missing.map((key) => `'${shortConfigKey(project.name, key)}'`).join(", ");
    throw new ConfigError(`stack '${stack}' is missing configuration value(s) ${names}`);
  }
  return new Map(
    [...config].map(([key, node]) => {
      const { value, secret, secretTexts } = resolveConfigValue(node, (ciphertext) => crypter.decrypt(ciphertext));
      return [key, { value, secret, secretTexts }];
    }),
  );
}
