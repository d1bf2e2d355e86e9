/** Names of stacks, and what belongs to one in a state store. */
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

/** Where a state store holds what belongs to a stack: keys, and folders of keys. */
export interface StackKeys {
  readonly state: string;
  readonly stateBackup: string;
  readonly tags: string;
  readonly history: string;
  readonly backups: string;
  readonly locks: string;
}

export const storeKeys = { root: ".pulumi", stacks: ".pulumi/stacks", meta: ".pulumi/meta.yaml" } as const;

export function stackKeys(stack: StackReference): StackKeys {
  const base = `${storeKeys.stacks}/${stack.project}/${stack.name}`;
  return {
    state: `${base}.json`,
    stateBackup: `${base}.json.bak`,
    tags: `${base}.pulumi-tags`,
    history: `.pulumi/history/${stack.project}/${stack.name}`,
    backups: `.pulumi/backups/${stack.project}/${stack.name}`,
    locks: `.pulumi/locks/organization/${stack.project}/${stack.name}`,
  };
}
