/** What a command of `pulumi config` is about. */
import { coerce, parseConfigPath, type ConfigNode, type PathSegment } from "../../backend/config-path.ts";
import { fullConfigKey } from "../../backend/config-values.ts";
import type { Project } from "../../backend/project.ts";
import type { StackReference } from "../../backend/stack-reference.ts";
import type { StackSettings } from "../../backend/stack-settings.ts";
import type { CommandContext } from "../context.ts";

export interface ConfigOptions {
  readonly stack?: string;
  readonly configFile?: string;
}

export async function configTarget(
  context: CommandContext,
  options: ConfigOptions,
): Promise<{ readonly stack: StackReference; readonly project: Project; readonly settings: StackSettings }> {
  const stack = await context.requireStack(options.stack);
  const project = await context.project();
  return { stack, project, settings: await context.settings(stack, options.configFile) };
}

/** `outer.inner` with --path: the key that the file has, and the path inside of its value. */
export function locateKey(
  project: string,
  text: string,
  isPath: boolean,
): { readonly key: string; readonly path: readonly PathSegment[] } {
  if (!isPath) return { key: fullConfigKey(project, text), path: [] };
  const [top, ...path] = parseConfigPath(text);
  return { key: fullConfigKey(project, String(top)), path };
}

/** Plain text as the file holds it: inside of a list or map, words that read as a boolean or an integer are one. */
export function nodeOf(text: string, path: readonly PathSegment[]): ConfigNode {
  return path.length > 0 ? coerce(text) : text;
}
