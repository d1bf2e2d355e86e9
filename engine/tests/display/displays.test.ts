import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { diffDisplay } from "../../src/display/diff.ts";
import type { DisplayOptions } from "../../src/display/display.ts";
import { previewDigest } from "../../src/display/json-display.ts";
import { liveTreeDisplay, treeLines } from "../../src/display/live-tree.ts";
import { viewEvent } from "../../src/display/event-views.ts";
import { OperationModel } from "../../src/display/operation-model.ts";
import { plainDisplay } from "../../src/display/plain.ts";
import { durationText } from "../../src/display/summary.ts";
import { painter } from "../../src/display/words.ts";
import type { EngineEvent, StepOp } from "../../src/model.ts";

const stackUrn = "urn:pulumi:dev::app::pulumi:pulumi:Stack::app-dev";
const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
let sequence = 0;

type Properties = Readonly<Record<string, unknown>>;

function event(kind: string, payload: object): EngineEvent {
  return { sequence: sequence++, timestamp: 0, [kind]: payload };
}

function state(urn: string, inputs: Properties, outputs: Properties = {}): object {
  const type = urn.split("::")[2] ?? "";
  return { type, urn, id: "", parent: urn === stackUrn ? "" : stackUrn, inputs, outputs, provider: "" };
}

function step(
  kind: string,
  op: StepOp,
  urn: string,
  before?: Properties,
  after?: Properties,
  diffs?: string[],
): EngineEvent {
  const isStack = urn === stackUrn;
  const made = (properties?: Properties): object | null =>
    properties === undefined ? null : isStack ? state(urn, {}, properties) : state(urn, properties);
  const metadata = {
    op,
    urn,
    type: urn.split("::")[2],
    old: made(before),
    new: made(after),
    provider: "",
    ...(diffs && { diffs }),
  };
  return event(kind, { metadata });
}

const urn = (name: string): string => `urn:pulumi:dev::app::t:m:Thing::${name}`;

const events: EngineEvent[] = [
  event("preludeEvent", { config: { "app:n": "2" } }),
  step("resourcePreEvent", "create", stackUrn, undefined, {}),
  step("resourcePreEvent", "create", "urn:pulumi:dev::app::pulumi:providers:t::default", undefined, {}),
  step("resourcePreEvent", "create", urn("new"), undefined, { n: 1, password: secret, later: unknown, __code: "x" }),
  step("resOutputsEvent", "create", urn("new"), undefined, { n: 1 }),
  step("resourcePreEvent", "same", urn("same"), { n: 1 }, { n: 1 }),
  step("resourcePreEvent", "update", urn("changed"), { n: 1, list: [1, 2], gone: true }, { n: 2, list: [1, 3] }, ["n"]),
  event("diagnosticEvent", {
    urn: urn("changed"),
    prefix: "error: ",
    message: "<{%fg 1%}>no more room<{%reset%}>\n",
    severity: "error",
  }),
  event("diagnosticEvent", { urn: urn("changed"), message: "never shown", severity: "debug" }),
  step("resOpFailedEvent", "update", urn("changed"), { n: 1 }, { n: 2 }, ["n"]),
  step("resourcePreEvent", "delete", urn("old"), { n: 1 }, undefined),
  event("stdoutEvent", { message: "said by the engine\n" }),
  step("resOutputsEvent", "create", stackUrn, {}, { url: "http://x", token: secret }),
  event("summaryEvent", {
    maybeCorrupt: false,
    durationSeconds: 61,
    resourceChanges: { create: 2, same: 1, delete: 1 },
    isPreview: false,
  }),
];

function shown(
  make: (options: DisplayOptions) => { event(event: EngineEvent): void; close(): void },
  isPreview = false,
): string {
  let text = "";
  const display = make({
    out: (more) => (text += more),
    paint: painter(false),
    action: "Updating",
    stack: "dev",
    isPreview,
    suppressOutputs: false,
  });
  for (const one of events) display.event(one);
  display.close();
  return text;
}

describe("plain lines", () => {
  it("say each step once it begins and once it ends, then all that matters again", () => {
    const text = shown(plainDisplay).replace(/\(\d\.\d\ds\)/g, "(0s)");
    assert.equal(
      text,
      `Updating (dev):

 +  pulumi:pulumi:Stack app-dev creating
 +  t:m:Thing new creating
 +  t:m:Thing new created (0s)
 ~  t:m:Thing changed updating [diff: ~n]
 ~  t:m:Thing changed updating [diff: ~n] error: no more room
 ~  t:m:Thing changed **updating failed** (0s) [diff: ~n] error: no more room
 -  t:m:Thing old deleting
said by the engine
 +  pulumi:pulumi:Stack app-dev created (0s)

Diagnostics:
  t:m:Thing (changed):
    error: no more room

Outputs:
  + token: [secret]
  + url  : "http://x"

Resources:
    + 2 created
    - 1 deleted
    3 changes. 1 unchanged
    1 errored

Duration: 1m1s

`,
    );
  });

  it("say a preview's step once, as a plan", () => {
    const text = shown(plainDisplay, true);
    assert.match(text, /^ \+ {2}t:m:Thing new create$/m);
    assert.equal(text.includes("created ("), false);
  });
});

describe("the detailed diff", () => {
  it("shows what is set, changed and removed; secrets, unknown values and code are named only", () => {
    const text = shown(diffDisplay, true);
    assert.ok(
      text.includes(`    + t:m:Thing: (create)
        [urn=urn:pulumi:dev::app::t:m:Thing::new]
        later   : [unknown]
        n       : 1
        password: [secret]
    ~ t:m:Thing: (update)
        [urn=urn:pulumi:dev::app::t:m:Thing::changed]
      - gone: true
      ~ list: [
          ~ [1]: 2 => 3
        ]
      ~ n   : 1 => 2
`),
      text,
    );
  });
});

describe("the live tree", () => {
  const options: DisplayOptions = {
    out: () => undefined,
    paint: painter(false),
    action: "Updating",
    stack: "dev",
    isPreview: true,
    suppressOutputs: false,
  };
  const model = (): OperationModel => {
    const made = new OperationModel(() => 0);
    for (const one of events) {
      const view = viewEvent(one);
      if (view) made.add(view);
    }
    return made;
  };

  it("has what changes below its parent, and leaves out what stays", () => {
    assert.deepEqual(treeLines(model(), options, 100, 50), [
      "     Type                 Name     Plan",
      " +   pulumi:pulumi:Stack  app-dev  create",
      " +   ├─ t:m:Thing         new      create",
      " ~   ├─ t:m:Thing         changed  **updating failed**  [diff: ~n]; error: no more room",
      " -   └─ t:m:Thing         old      delete",
    ]);
  });

  it("keeps to the screen: what failed and what runs stays in sight", () => {
    const lines = treeLines(model(), options, 60, 4);
    assert.equal(lines.length, 4);
    assert.ok(lines.some((line) => line.includes("failed")));
    assert.equal(lines.at(-1), "     … and 2 more");
    assert.ok(
      lines.every((line) => line.length <= 60),
      lines.join("\n"),
    );
  });

  it("ends with all of it, and what the plain lines end with", () => {
    const text = shown((given) => liveTreeDisplay(given, () => ({ columns: 100, rows: 5 })));
    assert.match(text, /└─ t:m:Thing {9}old/);
    assert.match(text, /Diagnostics:[^]*Outputs:[^]*Duration: 1m1s/);
  });
});

describe("the digest of a preview", () => {
  it("is one document, whatever is said meanwhile", () => {
    const digest = JSON.parse(shown((given) => previewDigest(given.out, given), true)) as {
      steps: { op: string; newState?: { inputs?: Properties } }[];
      diagnostics: object[];
    };
    assert.deepEqual(
      digest.steps.map(({ op }) => op),
      ["create", "create", "update", "delete"],
    );
    assert.equal(digest.steps[1]?.newState?.inputs?.["password"], "[secret]");
    assert.deepEqual(digest.diagnostics, [
      { urn: urn("changed"), message: "error: no more room\n", severity: "error" },
      { message: "said by the engine\n", severity: "info" },
    ]);
  });
});

describe("a duration", () => {
  for (const [seconds, text] of [
    [0.2, "1s"],
    [59, "59s"],
    [60, "1m0s"],
    [3_725, "1h2m5s"],
  ] as const)
    it(`of ${seconds} seconds is ${text}`, () => {
      assert.equal(durationText(seconds), text);
    });
});
