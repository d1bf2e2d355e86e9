/** Names of stacks, and the files that belong to one. */
import { join } from "node:path";
import { UsageError } from "./errors.ts";

/** A stack of the file backend; its organisation is always `organization`. */
export interface StackReference {
  readonly project: string;
  readonly name: string;
}

const nameRule = /^[A-Za-z0-9_.-]{1,100}$/;

/** `<stack>`, `organization/<stack>` or `organization/<project>/<stack>`. */
export function parseStackReference(text: string, currentProject: string | undefined): StackReference {
  const parts = text.split("/");
  const name = parts.at(-1) ?? "";
  if (parts.length > 1 && parts[0] !== "organization") throw new UsageError("organization name must be 'organization'");
  const project = parts.length === 3 ? parts[1] : currentProject;
  if (parts.length > 3 || !nameRule.test(name) || name === "." || name === "..")
    throw new UsageError(
      `'${text}' is no stack name: it may hold letters, digits, hyphens, underscores and periods, at most 100`,
    );
  if (project === undefined)
    throw new UsageError(
      `no Pulumi.yaml project file found; give the fully qualified name of the stack (organization/project/${name})`,
    );
  if (!nameRule.test(project) || project === "." || project === "..")
    throw new UsageError(`'${project}' is no project name`);
  return { project, name };
}

export function qualifiedName(stack: StackReference): string {
  return `organization/${stack.project}/${stack.name}`;
}

/** Folders below the store's `.pulumi`. */
export interface StackFiles {
  readonly state: string;
  readonly stateBackup: string;
  readonly history: string;
  readonly backups: string;
  readonly locks: string;
}

export function stackFiles(storeFolder: string, stack: StackReference): StackFiles {
  const root = join(storeFolder, ".pulumi");
  const state = join(root, "stacks", stack.project, `${stack.name}.json`);
  return {
    state,
    stateBackup: `${state}.bak`,
    history: join(root, "history", stack.project, stack.name),
    backups: join(root, "backups", stack.project, stack.name),
    locks: join(root, "locks", "organization", stack.project, stack.name),
  };
}
