/** How an operation with policy packs is shown. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { diffDisplay } from "../../src/display/diff.ts";
import type { Display, DisplayOptions } from "../../src/display/display.ts";
import { eventLines, previewDigest } from "../../src/display/json-display.ts";
import { liveTreeDisplay } from "../../src/display/live-tree.ts";
import { plainDisplay } from "../../src/display/plain.ts";
import { painter } from "../../src/display/words.ts";
import type { EngineEvent } from "../../src/model.ts";

const urn = (name: string): string => `urn:pulumi:dev::app::t:m:Thing::${name}`;
const stackUrn = "urn:pulumi:dev::app::pulumi:pulumi:Stack::app-dev";

interface Found {
  readonly policy: string;
  readonly pack?: string;
  readonly level?: string;
  readonly severity?: string;
  readonly remediationSteps?: string;
  readonly resource?: string;
  readonly message?: string;
}

let sequence = 0;
const event = (kind: string, body: object): EngineEvent => ({ sequence: sequence++, timestamp: 0, [kind]: body });

function source({ policy, pack = "guard", resource = urn("a") }: Found): object {
  return {
    resourceUrn: resource,
    color: "never",
    policyName: policy,
    policyPackName: pack,
    policyPackVersion: "1.0.0",
    policyPackVersionTag: "1.0.0",
  };
}

function violation(found: Found): EngineEvent {
  const { level = "advisory", severity, remediationSteps, message = "It is wrong." } = found;
  return event("policyEvent", {
    ...source(found),
    message: `${message}\n`,
    enforcementLevel: level,
    ...(severity && { severity }),
    ...(remediationSteps && { remediationSteps }),
  });
}

function remediation(found: Found, before: object, after: object): EngineEvent {
  return event("policyRemediationEvent", { ...source(found), before, after });
}

function summary(packs: Record<string, string>): EngineEvent {
  const counts = { resourceChanges: { create: 1 }, durationSeconds: 1, isPreview: true, maybeCorrupt: false };
  return event("summaryEvent", { ...counts, PolicyPacks: packs, result: "succeeded" });
}

const load = event("policyLoadEvent", {});
const packs = { "guard|local|policies/guard": "1.0.0" };

function shown(
  make: (options: DisplayOptions) => Display,
  events: readonly EngineEvent[],
  more: Partial<DisplayOptions> = {},
): string {
  let text = "";
  const out = (piece: string): void => void (text += piece);
  const options = {
    out,
    paint: painter(false),
    action: "Previewing update",
    stack: "dev",
    isPreview: true,
    suppressOutputs: false,
  };
  const display = make({ ...options, ...more });
  for (const each of events) display.event(each);
  display.close();
  return text;
}

const tree = (options: DisplayOptions): Display => liveTreeDisplay(options, () => ({ columns: 120, rows: 40 }));

describe("policies, in lines and in the tree", () => {
  const found = [
    violation({ policy: "b-advice", severity: "low" }),
    violation({
      policy: "a-rule",
      level: "mandatory",
      severity: "critical",
      remediationSteps: "Close it.",
      message: "It is open.\nVery.",
    }),
    violation({ policy: "a-advice", severity: "high", resource: stackUrn }),
    violation({ policy: "a-rule", level: "mandatory", resource: urn("b") }),
    remediation({ policy: "cure" }, { x: 1, y: 2 }, { x: 2, z: 3 }),
    remediation({ policy: "cure", resource: urn("b") }, { x: 1 }, { x: 2 }),
    remediation({ policy: "again" }, { x: 1 }, { x: 1 }),
  ];
  const section = `Policies:
    ❌ guard@v1.0.0 (local: policies/guard)
        - [remediate]  again  (1 resource)
        - [remediate]  cure  (2 resources)
        - [mandatory] [severity: critical]  a-rule  (t:m:Thing: a)
          It is open.
          Very.
          Remediation: Close it.
        - [mandatory]  a-rule  (t:m:Thing: b)
          It is wrong.
        - [advisory] [severity: high]  a-advice  (pulumi:pulumi:Stack: app-dev)
          It is wrong.
        - [advisory] [severity: low]  b-advice  (t:m:Thing: a)
          It is wrong.

`;

  for (const [name, make] of [
    ["lines", plainDisplay],
    ["the tree", tree],
  ] as const)
    it(`are one section at the end of ${name}, the worst first, instead of counts`, () => {
      const text = shown(make, [load, ...found, summary(packs)]);
      assert.ok(text.endsWith(section), text);
      assert.doesNotMatch(text, /Resources:/);
    });

  it("show each remediation with what it changed, where that is asked for", () => {
    const text = shown(plainDisplay, [load, ...found, summary(packs)], { showPolicyRemediations: true });
    assert.match(
      text,
      / {8}- \[remediate\] {2}cure {2}\(t:m:Thing: a\) \[diff: \+z-y~x\]\n {8}- \[remediate\] {2}cure {2}\(t:m:Thing: b\) \[diff: ~x\]\n/,
    );
    assert.doesNotMatch(text, /again/, "what changed nothing is not shown");
  });

  it("that pass or only advise leave the counts", () => {
    const passed = shown(plainDisplay, [load, summary({ ...packs, "other|local|other": "2.0.0" })]);
    assert.match(
      passed,
      /Policies:\n {4}✅ guard@v1\.0\.0 \(local: policies\/guard\)\n {4}✅ other@v2\.0\.0 \(local: other\)\n\nResources:\n {4}\+ 1 to create/,
    );
    const advised = shown(plainDisplay, [load, violation({ policy: "advice" }), summary(packs)]);
    assert.match(advised, /⚠️ guard@v1\.0\.0[^]*Resources:/);
  });

  it("of the same pack in two folders are one entry", () => {
    const text = shown(plainDisplay, [summary({ "guard|local|b": "1.0.0", "guard|local|a": "1.0.0" })]);
    assert.match(text, /✅ guard@v1\.0\.0 \(local: a; b\)\n\n/);
  });

  it("are no section where no pack ran", () => {
    assert.doesNotMatch(shown(plainDisplay, [summary({})]), /Polic/);
  });
});

describe("policies, in a diff", () => {
  it("are shown as they come, and the packs at the end", () => {
    const text = shown(diffDisplay, [
      load,
      remediation({ policy: "cure" }, { x: 1, y: 2 }, { x: 2, z: 3 }),
      remediation({ policy: "again" }, { x: 1 }, { x: 1 }),
      violation({ policy: "a-rule", level: "mandatory", severity: "high" }),
      summary(packs),
    ]);
    assert.match(
      text,
      / {4}guard@v1\.0\.0 \[remediate\] {2}cure {2}\(t:m:Thing: a\)\n {6}~ x: 1 => 2\n {6}- y: 2\n {6}\+ z: 3\n {4}guard@v1\.0\.0 \[mandatory\] \[severity: high\] {2}a-rule {2}\(t:m:Thing: a\)\n +It is wrong\.\n/,
    );
    assert.match(text, /Policy Packs run:\n {4}Name +Version\n {4}guard\|local\|policies\/guard {2}1\.0\.0\n/);
  });
});

describe("policies, in JSON", () => {
  const events = [load, violation({ policy: "a-rule" }), remediation({ policy: "cure" }, {}, {}), summary(packs)];

  it("are not in a preview's document, as in Pulumi's", () => {
    const text = shown(({ out }) => previewDigest(out, { suppressOutputs: false }), events);
    const { duration, ...digest } = JSON.parse(text) as Record<string, unknown>;
    assert.equal(typeof duration, "number");
    assert.deepEqual(digest, { changeSummary: { create: 1 } });
  });

  it("are events like any other in the lines of an update", () => {
    const text = shown(({ out }) => eventLines(out), events);
    assert.deepEqual(
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
      events,
    );
  });
});
