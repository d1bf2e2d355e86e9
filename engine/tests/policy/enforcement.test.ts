/** What a violation does to an operation, by its level. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { exitCodes } from "../../src/backend/errors.ts";
import { PolicySandbox, type Outcome } from "./support/policy-sandbox.ts";

/** Refuses things that are `bad`. */
const noBad = (level: string, name = "no-bad") => `{
  name: ${JSON.stringify(name)}, description: "Nothing is bad.", enforcementLevel: ${JSON.stringify(level)},
  validateResource(args, report) { if (args.props.bad) report(args.name + " is bad"); },
}`;

/** Makes bad things good. */
const cure = `{
  name: "cure", description: "What is bad is made good.", enforcementLevel: "remediate",
  remediateResource(args) {
    if (!args.props.bad) return undefined;
    delete args.props.bad;
    args.props.cured = "yes";
    return args.props;
  },
}`;

/** All of one shape: the SDK registers those first that are sooner put into wire form. */
const program = `
new Thing("good-1", { bad: false });
new Thing("bad", { bad: true });
new Thing("good-2", { bad: false });
`;

function names(outcome: Outcome, kind: string): unknown[] {
  return outcome
    .of(kind)
    .map(({ policyName, resourceUrn }) => `${String(policyName)} ${String(resourceUrn).split("::").at(-1)}`);
}

describe("a mandatory policy", () => {
  let stack: PolicySandbox;
  before(async () => {
    stack = await PolicySandbox.create(program);
    await stack.pack("strict", { policies: `[${noBad("mandatory")}]` });
  });
  after(() => stack.remove());

  it("fails a preview, which shows all the rest", async () => {
    const outcome = await stack.run("preview", ["--policy-pack", "strict"]);
    assert.equal(outcome.code, exitCodes.failure);
    assert.deepEqual(names(outcome, "policyEvent"), ["no-bad bad"]);
    const planned = outcome.of("resourcePreEvent").map(({ metadata }) => (metadata as { urn: string }).urn);
    assert.deepEqual(
      planned.map((urn) => urn.split("::").at(-1)),
      ["sample-dev", "good-1", "bad", "good-2"],
    );
    const [summary] = outcome.of("summaryEvent");
    assert.equal(summary?.["result"], "failed");
    assert.match(outcome.stdout, /preview failed/);
  });

  it("stops an update before the resource and what comes after it are created", async () => {
    const outcome = await stack.run("up", ["--policy-pack", "strict"]);
    assert.equal(outcome.code, exitCodes.failure);
    assert.deepEqual(names(outcome, "policyEvent"), ["no-bad bad"]);
    assert.deepEqual(await stack.effects(), ["create good-1"]);
    assert.match(outcome.stdout, /\[mandatory\] {2}no-bad {2}\(pulumi-nodejs:dynamic:Resource: bad\)/);
  });

  it("is not asked of what is deleted", async () => {
    await stack.sandbox.write("index.js", "");
    const outcome = await stack.run("up", ["--policy-pack", "strict"]);
    assert.equal(outcome.code, 0, outcome.stdout);
    assert.deepEqual(await stack.effects(), ["create good-1", "delete good-1"]);
  });
});

describe("an advisory policy", () => {
  let stack: PolicySandbox;
  before(async () => {
    stack = await PolicySandbox.create(program);
    await stack.pack("mild", { policies: `[${noBad("advisory")}, ${noBad("disabled", "off")}]` });
  });
  after(() => stack.remove());

  it("is told, and stops nothing; a disabled one is not even asked", async () => {
    const outcome = await stack.run("up", ["--policy-pack", "mild"]);
    assert.equal(outcome.code, 0, outcome.stdout);
    assert.deepEqual(names(outcome, "policyEvent"), ["no-bad bad"]);
    assert.equal((await stack.effects()).length, 3);
    const summaries = outcome.of("policyAnalyzeSummaryEvent");
    assert.deepEqual([...new Set(summaries.flatMap(({ passed }) => passed ?? []))], ["no-bad"]);
  });

  it("is asked of what stays the same too", async () => {
    const outcome = await stack.run("up", ["--policy-pack", "mild"]);
    assert.deepEqual(outcome.of("summaryEvent")[0]?.["resourceChanges"], { same: 4 });
    assert.deepEqual(names(outcome, "policyEvent"), ["no-bad bad"]);
  });
});

describe("a remediation", () => {
  let stack: PolicySandbox;
  before(async () => {
    stack = await PolicySandbox.create(
      `${program}\nexports.cured = new Thing("other", {
        bad: "very", cured: undefined, text: new pulumi.asset.StringAsset("hello"), password: pulumi.secret("hunter22"),
      }).cured;`,
    );
    await stack.pack("healer", { policies: `[${cure}, ${noBad("mandatory")}]` });
    await stack.pack("quack", {
      policies: `[{ name: "quack", description: "d", enforcementLevel: "remediate",
        remediateResource: (args) => (args.props.ident ? { ...args.props, seen: args.props.cured ?? "no" } : undefined),
        validateResource(args, report) { if (args.props.seen === "yes") report("still wrong"); } }]`,
    });
  });
  after(() => stack.remove());

  it("changes the inputs before they are checked, and says so", async () => {
    const outcome = await stack.run("preview", ["--policy-pack", "healer"]);
    assert.equal(outcome.code, 0, outcome.stdout);
    assert.deepEqual(names(outcome, "policyRemediationEvent"), ["cure bad", "cure other"]);
    const [{ before: old, after: young } = {}] = outcome.of("policyRemediationEvent") as {
      before?: Record<string, unknown>;
      after?: Record<string, unknown>;
    }[];
    assert.equal(old?.["bad"], true);
    assert.deepEqual([young?.["cured"], young && "bad" in young], ["yes", false]);
    assert.deepEqual(names(outcome, "policyEvent"), []);
    const failed = outcome.of("policyRemediateSummaryEvent").filter((summary) => "failed" in summary);
    assert.deepEqual(
      failed.map((summary) => summary["failed"]),
      [["cure"], ["cure"]],
    );
    assert.match(
      outcome.stdout,
      /✅ healer@v1\.0\.0 \(local: healer\)\n {8}- \[remediate\] {2}cure {2}\(2 resources\)/,
    );
  });

  it("hands on to the next pack what it made; what is still wrong then is mandatory", async () => {
    const outcome = await stack.run("preview", ["--policy-pack", "healer", "--policy-pack", "quack"]);
    assert.equal(outcome.code, exitCodes.failure);
    assert.deepEqual(names(outcome, "policyEvent"), ["quack bad", "quack other"]);
    assert.deepEqual([...new Set(outcome.of("policyEvent").map((event) => event["enforcementLevel"]))], ["mandatory"]);
  });

  it("is what the provider gets and the state holds", async () => {
    const outcome = await stack.run("up", ["--policy-pack", "healer"]);
    assert.equal(outcome.code, 0, outcome.stdout);
    const outputs = await stack.sandbox.succeed("stack output --json --stack dev");
    assert.deepEqual(JSON.parse(outputs), { cured: "yes" });
    const state = JSON.parse(await stack.sandbox.succeed("stack export --stack dev")) as {
      deployment: { resources: { urn: string; inputs?: Record<string, unknown> }[] };
    };
    const bad = state.deployment.resources.find(({ urn }) => urn.endsWith("::bad"));
    assert.deepEqual([bad?.inputs?.["cured"], bad?.inputs && "bad" in bad.inputs], ["yes", false]);
    const other = state.deployment.resources.find(({ urn }) => urn.endsWith("::other"));
    assert.match(JSON.stringify(other?.inputs?.["password"]), /ciphertext/, "what was secret is secret");
    assert.match(JSON.stringify(other?.inputs?.["text"]), /"hash"/, "an asset is known by its contents");
    const again = await stack.run("up", ["--policy-pack", "healer", "--expect-no-changes"]);
    assert.equal(again.code, 0, again.stdout);
  });
});

describe("a stack policy", () => {
  let stack: PolicySandbox;
  const level = "process.env.LEVEL";
  before(async () => {
    stack = await PolicySandbox.create(`new Thing("one", {}); new Thing("two", {});`);
    await stack.pack("whole", {
      policies: `[{ name: "at-most-one", description: "One thing is enough.", enforcementLevel: ${level},
        validateStack(args, report) {
          const things = args.resources.filter((r) => r.props.ident);
          if (things.length > 1) report(things.length + " things", things[1].urn);
          if (things.length > 1) report("of all", "urn:pulumi:dev::sample::a:b:C::nowhere");
        } }]`,
    });
  });
  after(() => stack.remove());

  it("fails a preview when it is mandatory, and names the resource that it means, or else the stack", async () => {
    stack.sandbox.env["LEVEL"] = "mandatory";
    const outcome = await stack.run("preview", ["--policy-pack", "whole"]);
    assert.equal(outcome.code, exitCodes.failure);
    assert.deepEqual(names(outcome, "policyEvent"), ["at-most-one two", "at-most-one sample-dev"]);
    assert.deepEqual(
      outcome.of("policyAnalyzeStackSummaryEvent").map(({ failed }) => failed),
      [["at-most-one"]],
    );
  });

  it("fails an update after it, as remediation is none for a stack", async () => {
    stack.sandbox.env["LEVEL"] = "remediate";
    const outcome = await stack.run("up", ["--policy-pack", "whole"]);
    assert.equal(outcome.code, exitCodes.failure);
    assert.deepEqual([...new Set(outcome.of("policyEvent").map((event) => event["enforcementLevel"]))], ["mandatory"]);
    assert.match(outcome.stdout, /update failed/);
    assert.deepEqual((await stack.effects()).sort(), ["create one", "create two"]);
  });

  it("is only told when it is advisory", async () => {
    stack.sandbox.env["LEVEL"] = "advisory";
    const outcome = await stack.run("up", ["--policy-pack", "whole"]);
    assert.equal(outcome.code, 0, outcome.stdout);
    assert.equal(outcome.of("policyEvent").length, 2);
  });
});
