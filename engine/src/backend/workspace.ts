/** Which stack of a project is selected: a file in the user's Pulumi folder, shared with Pulumi itself. */
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readIfExists, writeFileAtomic } from "./files.ts";
import { pulumiHome, type Environment } from "./locations.ts";

interface Settings {
  /** As Pulumi wrote it before selections were kept per state store. */
  stack?: string;
  stacks?: Record<string, string>;
  [other: string]: unknown;
}

/** The selected stack's name, or undefined. PULUMI_STACK goes before the file. */
export async function selectedStack(
  env: Environment,
  project: { readonly name: string; readonly file: string },
  storeUrl: string,
): Promise<string | undefined> {
  if (env["PULUMI_STACK"]) return env["PULUMI_STACK"];
  const settings = await read(settingsFile(env, project));
  return settings.stacks?.[storeUrl] ?? (settings.stack === "" ? undefined : settings.stack);
}

/** Selects a stack by its qualified name, or none with undefined. */
export async function selectStack(
  env: Environment,
  project: { readonly name: string; readonly file: string },
  storeUrl: string,
  qualifiedName: string | undefined,
): Promise<void> {
  const file = settingsFile(env, project);
  const { [storeUrl]: previous, ...others } = (await read(file)).stacks ?? {};
  if (previous === qualifiedName && qualifiedName !== undefined) return;
  const stacks = qualifiedName === undefined ? others : { ...others, [storeUrl]: qualifiedName };
  if (Object.keys(stacks).length === 0) await rm(file, { force: true });
  else await writeFileAtomic(file, JSON.stringify({ stacks }, undefined, 4));
}

function settingsFile(env: Environment, project: { readonly name: string; readonly file: string }): string {
  const hash = createHash("sha1").update(project.file).digest("hex");
  return join(pulumiHome(env), "workspaces", `${project.name}-${hash}-workspace.json`);
}

async function read(file: string): Promise<Settings> {
  const text = await readIfExists(file);
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as Settings;
  } catch {
    return {}; // a selection is no state: forgetting a broken one costs a `stack select`
  }
}
