/** A state that one engine wrote is taken over by the other. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { describeRows } from "./support/describe-rows.ts";
import { embedded, pulumi, type Engine } from "./support/engines.ts";
import { encryptionSalt, Project } from "./support/project.ts";
import { sourceOf, type Program } from "./support/program.ts";
import { preview, up, urn } from "./support/row.ts";

const stack = "urn:pulumi:dev::conf-project::pulumi:pulumi:Stack::conf-project-dev";
const provider = "urn:pulumi:dev::conf-project::pulumi:providers:conf::default";
const providerId = "0f2c9a44-6a9d-4f0c-9d0e-1f6a2f1f7f10";
const times = { created: "2026-08-21T19:18:00.123456789Z", modified: "2026-08-21T19:18:00.123456789Z" };
/** The text `hidden`, with the suite's passphrase and salt. */
const hidden = {
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  ciphertext: "v1:P6WBuBAUNG4j8qAa:Xl2YwJXlp3GGqW/HbtbS8ff2vec6wiSt",
};
const common = {
  custom: true,
  type: "conf:index:Thing",
  parent: stack,
  provider: `${provider}::${providerId}`,
  ...times,
};

/**
 * What Pulumi 3.260 writes of `program`, after the definitions in its source (apitype.DeploymentV3): with fields that
 * only it has, times to the nanosecond, and lists of dependencies that are null.
 */
const deployment = {
  manifest: {
    time: "2026-08-21T19:18:01.000000001Z",
    magic: createHash("sha256").update("v3.260.0").digest("hex"),
    version: "v3.260.0",
    plugins: [{ name: "nodejs", path: "/usr/local/bin/pulumi-language-nodejs", type: "language", version: "3.260.0" }],
  },
  secrets_providers: { type: "passphrase", state: { salt: encryptionSalt } },
  resources: [
    { urn: stack, custom: false, type: "pulumi:pulumi:Stack", outputs: { label: hidden }, ...times },
    { urn: provider, custom: true, id: providerId, type: "pulumi:providers:conf", ...times },
    {
      urn: urn("a"),
      id: "a",
      inputs: { label: hidden, n: 2 },
      outputs: {
        address: "conf://here/a",
        label: hidden,
        n: 2,
        twice: 4,
        upper: hidden,
      },
      propertyDependencies: { label: null, n: null },
      sourcePosition: "project:///index.js#1,1",
      stackTrace: [{ sourcePosition: "project:///index.js#1,1" }],
      protect: true,
      ...common,
    },
    {
      urn: urn("b"),
      id: "b",
      inputs: { n: 4 },
      outputs: { address: "conf://here/b", n: 4, twice: 8 },
      dependencies: [urn("a")],
      propertyDependencies: { n: [urn("a")] },
      customTimeouts: {},
      ...common,
    },
  ],
  metadata: {},
};

const program: Program = ({ Thing, pulumi: sdk }, version) => {
  const a = new Thing("a", { n: 2, label: sdk.secret("hidden") }, { protect: true });
  new Thing("b", { n: a.twice });
  if (version === 2) new Thing("c");
  return { label: a.label };
};

describeRows("a state that Pulumi wrote", {
  "is taken over without a change": {
    program,
    world: { a: { n: 2, label: "hidden" }, b: { n: 4 } },
    deployment,
    run: [preview({ flags: ["--expect-no-changes"], steps: ["same a", "same b"] })],
  },

  "goes on, with its times and secrets": {
    program,
    world: { a: { n: 2, label: "hidden" }, b: { n: 4 } },
    deployment,
    run: [
      up({
        version: 2,
        ledger: ["create c"],
        outputs: { label: "<secret>" },
        state: {
          a: { inputs: { n: 2, label: "<secret>" }, created: times.created, protect: true },
          b: { dependencies: ["a"], created: times.created },
          c: { id: "c" },
        },
      }),
    ],
  },
});

describe("a state that goes from one engine to the other", () => {
  const skip =
    pulumi === undefined && "there is no `pulumi` of version 3.200 or later on PATH besides the embedded engine";
  for (const [from, to] of [
    [embedded, pulumi],
    [pulumi, embedded],
  ] as const)
    it(`from ${from?.name ?? "Pulumi's own"} to ${to?.name ?? "Pulumi's own"}`, { skip }, async () => {
      if (from !== undefined && to !== undefined) await handOver(from, to);
    });
});

async function handOver(from: Engine, to: Engine): Promise<void> {
  const project = await Project.create(from, sourceOf(program));
  try {
    const made = await project.run(["up", "--yes", "--skip-preview"]);
    assert.equal(made.code, 0, made.stderr);
    const taken = await project.runWith(to, ["preview", "--expect-no-changes"]);
    assert.equal(taken.code, 0, taken.stdout + taken.stderr);
  } finally {
    await project.remove();
  }
}
