/**
 * What a state file may hold, as Pulumi's own reads it: versions 3 and 4 of `apitype.VersionedCheckpoint`, field by field
 * (sdk/go/common/apitype/core.go), and the rules of `Snapshot.VerifyIntegrity` (pkg/resource/deploy/snapshot.go).
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { z } from "zod";

const urn = z.string().regex(/^urn:pulumi:[^:]+::[^:]+::[^:]+(:[^:]+)*::.+$/s);
const properties = z.record(z.string(), z.json());
const paths = z.array(z.string());

const resource = z.strictObject({
  urn,
  custom: z.boolean(),
  delete: z.literal(true).optional(),
  id: z.string().min(1).optional(),
  type: z.string().min(1),
  inputs: properties.optional(),
  outputs: properties.optional(),
  parent: urn.optional(),
  protect: z.literal(true).optional(),
  taint: z.literal(true).optional(),
  external: z.literal(true).optional(),
  dependencies: z.array(urn).min(1).optional(),
  initErrors: z.array(z.string()).min(1).optional(),
  provider: z.string().min(1).optional(),
  propertyDependencies: z.record(z.string(), z.array(urn).nullable()).optional(),
  pendingReplacement: z.literal(true).optional(),
  additionalSecretOutputs: z.array(z.string()).min(1).optional(),
  aliases: z.array(urn).min(1).optional(),
  // Go writes the struct even where all of its fields are zero
  customTimeouts: z.partialRecord(z.enum(["create", "update", "delete", "read"]), z.number().positive()).optional(),
  importID: z.string().min(1).optional(),
  retainOnDelete: z.literal(true).optional(),
  deletedWith: urn.optional(),
  replaceWith: z.array(urn).min(1).optional(),
  created: z.iso.datetime({ offset: true }).optional(),
  modified: z.iso.datetime({ offset: true }).optional(),
  sourcePosition: z.string().min(1).optional(),
  stackTrace: z.array(z.strictObject({ sourcePosition: z.string().optional() })).optional(),
  ignoreChanges: paths.min(1).optional(),
  hideDiff: z.array(z.json()).min(1).optional(),
  replaceOnChanges: paths.min(1).optional(),
  replacementTrigger: z.json().optional(),
  refreshBeforeUpdate: z.literal(true).optional(),
  viewOf: urn.optional(),
  resourceHooks: z.record(z.string(), z.array(z.string())).optional(),
  extensionRef: z.string().optional(),
  snippetID: z.string().optional(),
});

const deployment = z.strictObject({
  manifest: z.strictObject({
    time: z.iso.datetime({ offset: true }),
    magic: z.string(),
    version: z.string(),
    plugins: z
      .array(z.strictObject({ name: z.string(), path: z.string(), type: z.string(), version: z.string() }))
      .optional(),
  }),
  secrets_providers: z.strictObject({ type: z.string(), state: z.json().optional() }).optional(),
  resources: z.array(resource).min(1).optional(),
  pending_operations: z
    .array(z.strictObject({ resource, type: z.enum(["creating", "updating", "deleting", "reading", "importing"]) }))
    .min(1)
    .optional(),
  metadata: z.strictObject({ integrity_error: z.json().optional() }).optional(),
});

const checkpointFile = z.strictObject({
  version: z.union([z.literal(3), z.literal(4)]),
  features: z.array(z.string()).optional(),
  checkpoint: z.strictObject({ stack: z.string().min(1), config: z.json().optional(), latest: deployment.optional() }),
});

/** @throws AssertionError when Pulumi would refuse the state file, or lose something of it. */
export function assertStateFile(text: string): void {
  const parsed = checkpointFile.safeParse(JSON.parse(text));
  assert.ok(parsed.success, `the state file is not as Pulumi's: ${parsed.error && z.prettifyError(parsed.error)}`);
  const { version, features, checkpoint } = parsed.data;
  // features are looked at from version 4 on alone
  assert.ok(version === 4 || features === undefined, "features in a state file of version 3");
  if (checkpoint.latest !== undefined) assertIntegrity(checkpoint.latest);
}

function assertIntegrity({ manifest, resources = [] }: z.infer<typeof deployment>): void {
  const magic = manifest.version === "" ? "" : createHash("sha256").update(manifest.version).digest("hex");
  assert.equal(manifest.magic, magic, "the manifest's magic is the digest of its version");
  const urns = new Set<string>();
  const providers = new Set<string>();
  for (const state of resources) {
    assert.ok(state.custom || state.id === undefined, `${state.urn} is a component and has an id`);
    if (state.type.startsWith("pulumi:providers:")) providers.add(`${state.urn}::${state.id ?? ""}`);
    if (state.provider !== undefined && state.pendingReplacement !== true)
      assert.ok(providers.has(state.provider), `the provider of ${state.urn} is not before it: ${state.provider}`);
    const needed = [
      state.parent,
      state.deletedWith,
      ...(state.replaceWith ?? []),
      ...(state.dependencies ?? []),
      ...Object.values(state.propertyDependencies ?? {}).flatMap((list) => list ?? []),
    ];
    for (const other of needed)
      assert.ok(other === undefined || urns.has(other), `what ${state.urn} needs is not before it: ${other ?? ""}`);
    assert.ok(
      !urns.has(state.urn) || state.delete === true || isCondemned(resources, state.urn),
      `${state.urn} is there twice`,
    );
    urns.add(state.urn);
  }
}

/** Whether all but one of that URN are only waiting to be deleted. */
function isCondemned(resources: readonly { urn: string; delete?: true | undefined }[], wanted: string): boolean {
  return resources.filter((state) => state.urn === wanted && state.delete !== true).length < 2;
}
