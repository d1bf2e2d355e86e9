/** What a policy is shown of a resource, of the whole stack, and of where it runs. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { things } from "../support/things.ts";
import { PolicySandbox, type Outcome } from "./support/policy-sandbox.ts";

const program = `
class Group extends pulumi.ComponentResource {
  constructor(name, opts) { super("sample:index:Group", name, { size: 2 }, opts); this.registerOutputs({ size: 2 }); }
}
const group = new Group("group");
const first = new Thing("first", { ident: "first" }, {
  parent: group, protect: false, ignoreChanges: ["note"], deleteBeforeReplace: true,
  additionalSecretOutputs: ["token"], customTimeouts: { create: "1m30s" }, aliases: [{ name: "former" }],
});
new Thing("second", { password: pulumi.secret("hunter22"), from: first.twice }, { dependsOn: first });
new pulumi.StackReference("organization/sample/dev");
new Thing("third", {}, { transforms: [({ props, opts }) => ({ props: { ...props, note: "transformed" }, opts })] });
`;

/** Each policy reports what it sees as JSON, and the test reads it from the events. */
const policies = `[
  { name: "resource", description: "d", validateResource(args, report) {
    const { type, name, urn, opts, provider } = args;
    report(JSON.stringify({ type, name, urn, opts, provider: provider && { ...provider, props: undefined } }));
  } },
  { name: "props", description: "d", validateResource(args, report) {
    if (args.name === "second" || args.name === "third")
      report(JSON.stringify({ keys: Object.keys(args.props), note: args.props.note, from: args.props.from }));
  } },
  { name: "secret", description: "d", validateResource(args, report) {
    if (args.props.password) report({ message: "the password is " + args.props.password + " of " + typeof args.props.password });
  } },
  { name: "only-groups", description: "d", validateResource(args, report) {
    if (args.type !== "sample:index:Group") args.notApplicable("no group");
  } },
  { name: "surroundings", description: "d", validateResource(args, report) {
    if (args.name !== "group") return;
    const config = new pulumi.Config("sample");
    report(JSON.stringify({
      colour: config.get("colour"), pin: config.get("pin"), tier: args.stackTags.get("tier"),
      project: pulumi.getProject(), stack: pulumi.getStack(), dryRun: pulumi.runtime.isDryRun(),
      folder: process.cwd().split("/").at(-1),
    }));
  } },
  { name: "stack", description: "d", validateStack(args, report) {
    const names = (list) => (list ?? []).map((r) => r.name);
    const row = (r) => ({
      name: r.name, type: r.type, twice: r.props.ident === "first" ? r.props.twice : undefined,
      parent: r.parent && r.parent.name, dependencies: names(r.dependencies), from: names(r.propertyDependencies.from),
    });
    report(JSON.stringify(args.resources.map(row)));
  } },
]`;

interface Seen {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly opts: Record<string, unknown>;
  readonly provider?: Record<string, unknown>;
}

/** What the policy said of the resource, without its description. */
function said(outcome: Outcome, policy: string, name: string): string {
  const event = outcome
    .of("policyEvent")
    .find(({ policyName, resourceUrn }) => policyName === policy && String(resourceUrn).endsWith(`::${name}`));
  return String(event?.["message"]).replace(/^d\n/, "").trim();
}

describe("policies", () => {
  let stack: PolicySandbox;
  let preview: Outcome;
  let update: Outcome;
  before(async () => {
    stack = await PolicySandbox.create(program);
    await stack.sandbox.succeed("config set colour green --stack dev");
    await stack.sandbox.succeed("config set pin s3cr3t-pin --secret --stack dev");
    await stack.sandbox.succeed("stack tag set tier gold --stack dev");
    await stack.pack("eyes", { policies, before: `const pulumi = require("@pulumi/pulumi");` });
    preview = await stack.run("preview", ["--policy-pack", "eyes"]);
    update = await stack.run("up", ["--policy-pack", "eyes"]);
    assert.equal(update.code, 0, update.stdout + update.stderr);
  });
  after(() => stack.remove());

  it("see a resource's type, name, URN, options and provider", () => {
    const seen = JSON.parse(said(update, "resource", "first")) as Seen;
    assert.equal(seen.type, "pulumi-nodejs:dynamic:Resource");
    assert.equal(seen.name, "first");
    assert.match(seen.urn, /^urn:pulumi:dev::sample::sample:index:Group\$pulumi-nodejs:dynamic:Resource::first$/);
    assert.deepEqual(seen.opts, {
      protect: false,
      ignoreChanges: ["note"],
      aliases: [],
      customTimeouts: { createSeconds: 90, updateSeconds: 0, deleteSeconds: 0 },
      additionalSecretOutputs: ["token"],
      deleteBeforeReplace: true,
      parent: "urn:pulumi:dev::sample::sample:index:Group::group",
    });
    assert.deepEqual(seen.provider, {
      type: "pulumi:providers:pulumi-nodejs",
      urn: "urn:pulumi:dev::sample::pulumi:providers:pulumi-nodejs::default",
      name: "default",
    });
  });

  it("are asked of the stack, components and default providers too, and not of what is read", () => {
    const asked = update
      .of("policyAnalyzeSummaryEvent")
      .map(({ resourceUrn }) => String(resourceUrn).split("::").at(-1));
    assert.deepEqual(asked.sort(), ["default", "default", "first", "group", "sample-dev", "second", "third"]);
  });

  it("see inputs after transforms, without what the SDK keeps for itself", () => {
    const second = JSON.parse(said(update, "props", "second")) as Record<string, unknown>;
    assert.deepEqual([...(second["keys"] as string[])].sort(), ["from", "ident", "n", "password"]);
    assert.equal(second["from"], 2);
    const third = JSON.parse(said(update, "props", "third")) as Record<string, unknown>;
    assert.deepEqual([...(third["keys"] as string[])].sort(), ["ident", "n", "note"]);
    assert.equal(third["note"], "transformed");
  });

  it("cannot read at preview what is not known yet: that is told as advice", () => {
    const event = preview
      .of("policyEvent")
      .find(({ policyName, resourceUrn }) => policyName === "props" && String(resourceUrn).endsWith("::second"));
    assert.equal(event?.["enforcementLevel"], "advisory");
    assert.match(String(event["message"]), /can't run policy 'props' from policy pack 'eyes@v1\.0\.0' during preview/);
    assert.equal(preview.code, 0);
  });

  it("see secrets in the clear, and what they say of them is masked", () => {
    assert.equal(said(update, "secret", "second"), "the password is [secret] of string");
    const { colour, pin } = JSON.parse(said(update, "surroundings", "group")) as Record<string, unknown>;
    assert.deepEqual([colour, pin], ["green", "[secret]"]);
    for (const text of [update.stdout, update.stderr, JSON.stringify(update.events), preview.stdout])
      assert.doesNotMatch(text, /hunter22|s3cr3t-pin/);
  });

  it("know their project, stack, tags and folder, and whether it is a preview", () => {
    const surroundings = (outcome: Outcome) => {
      const {
        project,
        stack: name,
        tier,
        dryRun,
        folder,
      } = JSON.parse(said(outcome, "surroundings", "group")) as Record<string, unknown>;
      return { project, name, tier, dryRun, folder };
    };
    assert.deepEqual(surroundings(preview), {
      project: "sample",
      name: "dev",
      tier: "gold",
      dryRun: true,
      folder: "eyes",
    });
    assert.deepEqual(surroundings(update), {
      project: "sample",
      name: "dev",
      tier: "gold",
      dryRun: false,
      folder: "eyes",
    });
  });

  it("that are not applicable to a resource neither pass nor fail", () => {
    const passed = (name: string) =>
      update.of("policyAnalyzeSummaryEvent").find(({ resourceUrn }) => String(resourceUrn).endsWith(`::${name}`))?.[
        "passed"
      ];
    assert.ok((passed("group") as string[]).includes("only-groups"));
    assert.ok(!(passed("first") as string[]).includes("only-groups"));
  });

  it("of the whole stack see outputs, parents and dependencies", () => {
    const rows = JSON.parse(said(update, "stack", "sample-dev")) as Record<string, unknown>[];
    const row = (name: string) => rows.find((candidate) => candidate["name"] === name);
    assert.equal(rows.length, 8);
    assert.equal(row("organization/sample/dev")?.["type"], "pulumi:pulumi:StackReference");
    assert.deepEqual(row("first"), {
      name: "first",
      type: "pulumi-nodejs:dynamic:Resource",
      twice: 2,
      parent: "group",
      dependencies: [],
      from: [],
    });
    assert.deepEqual(row("second"), {
      name: "second",
      type: "pulumi-nodejs:dynamic:Resource",
      parent: "sample-dev",
      dependencies: ["first"],
      from: ["first"],
    });
  });

  it("see the former URN of a resource that was renamed", async () => {
    const renamed = program
      .replace('new Thing("first", { ident: "first" }', 'new Thing("last", { ident: "first" }')
      .replace('name: "former"', 'name: "first"');
    await stack.sandbox.write("index.js", things + renamed);
    const outcome = await stack.run("preview", ["--policy-pack", "eyes"]);
    const { opts } = JSON.parse(said(outcome, "resource", "last")) as Seen;
    assert.deepEqual(opts["aliases"], [
      "urn:pulumi:dev::sample::sample:index:Group$pulumi-nodejs:dynamic:Resource::first",
    ]);
  });
});
