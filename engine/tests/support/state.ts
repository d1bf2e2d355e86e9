/** States that tests begin with, without running anything. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sandbox } from "./pulumi.ts";

export const stackUrn = "urn:pulumi:dev::sample::pulumi:pulumi:Stack::sample-dev";
export const urnOf = (name: string, type = "t:m:T"): string => `urn:pulumi:dev::sample::${type}::${name}`;

/** A secret as states hold it before it is encrypted. */
export function plainSecret(value: unknown): object {
  return {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    plaintext: JSON.stringify(value),
  };
}

/** The resources and pending operations become the state of `dev`; secrets are encrypted on the way. */
export async function importState(
  sandbox: Sandbox,
  resources: readonly object[],
  pending: readonly object[] = [],
): Promise<void> {
  const settings = await readFile(join(sandbox.work, "Pulumi.dev.yaml"), "utf8");
  const salt = /encryptionsalt: (\S+)/.exec(settings)?.[1];
  const deployment = {
    manifest: { time: "2026-01-01T00:00:00Z", magic: "", version: "" },
    secrets_providers: { type: "passphrase", state: { salt } },
    resources,
    ...(pending.length > 0 && { pending_operations: pending }),
  };
  await sandbox.succeed("stack import", JSON.stringify({ version: 3, deployment }));
}

export interface StateResource {
  readonly urn: string;
  readonly id?: string;
  readonly parent?: string;
  readonly protect?: boolean;
  readonly dependencies?: readonly string[];
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export interface StateOnDisk {
  readonly resources?: readonly StateResource[];
  readonly pending_operations?: readonly { readonly type: string; readonly resource: StateResource }[];
  readonly secrets_providers?: { readonly state?: { readonly salt?: string } };
}

export async function stateOnDisk(sandbox: Sandbox, stack = "dev"): Promise<StateOnDisk> {
  const { checkpoint } = JSON.parse(await readFile(sandbox.stateFile(stack), "utf8")) as {
    checkpoint: { latest?: StateOnDisk };
  };
  return checkpoint.latest ?? {};
}

/** A stack with a list and a secret among its outputs, and a resource that is protected. */
export async function importSample(sandbox: Sandbox): Promise<void> {
  await sandbox.succeed("config set --secret seed s3cret"); // so that there is a salt
  await importState(sandbox, [
    {
      urn: stackUrn,
      custom: false,
      type: "pulumi:pulumi:Stack",
      outputs: { list: [1, { b: 2, a: null }], hidden: plainSecret({ key: "s3cret" }) },
    },
    { urn: urnOf("a"), custom: true, id: "i", type: "t:m:T", parent: stackUrn, protect: true, viewOf: "x" },
  ]);
}
