import assert from "node:assert/strict";
import { Secret } from "../../src/model.ts";
import { describeRows } from "./support/rows.ts";
import type { Row } from "./support/rows.ts";

const rows: Row[] = [
  [
    "aliases by URN, name, type and parent find the resource; children follow their parent",
    [
      {
        program: `const g = new Group("g"); new Thing("g-child", {}, { parent: g }); new Thing("plain", {}); new Thing("moved", {}, { parent: g });`,
      },
      {
        program: `
          const g = new Group("h", {}, { aliases: [{ name: "g" }] });
          new Thing("h-child", { ident: "g-child" }, { parent: g });
          new Thing("plainer", { ident: "plain" }, { aliases: ["urn:pulumi:dev::test::pulumi-nodejs:dynamic:Resource::plain"] });
          new Thing("moved", {}, { aliases: [{ parent: g }] });`,
        steps: ["same h", "same h-child", "same plainer", "same moved"],
        ledger: [],
        check: (_outcome, stack) => assert.equal(stack.snapshot.resources.length, 6),
      },
    ],
  ],
  [
    "an alias that two resources claim is refused",
    [
      { program: `new Thing("a", {});` },
      {
        program: `new Thing("b", {}, { aliases: [{ name: "a" }] }); new Thing("c", {}, { aliases: [{ name: "a" }] });`,
        errors: /Duplicate resource alias/,
      },
    ],
  ],
  [
    "secrets of inputs are secrets of outputs, and additional ones can be named",
    [
      {
        program: `new Thing("a", { label: pulumi.secret("hush"), blob: { deep: pulumi.secret(1) } }, { additionalSecretOutputs: ["twice"] });`,
        check: (_outcome, stack) => {
          const { inputs, outputs } = stack.state("a") ?? {};
          assert.ok(inputs?.["label"] instanceof Secret);
          assert.ok(outputs?.["label"] instanceof Secret);
          assert.ok(outputs["blob"] instanceof Secret);
          assert.ok(outputs["twice"] instanceof Secret);
          assert.equal(outputs["upper"], "HUSH");
        },
      },
    ],
  ],
  [
    "a check failure names the property, and nothing is created",
    [
      {
        program: `new Thing("a", { bad: "x" });`,
        errors: /property bad value "x" has a problem: must not be/,
        ledger: [],
      },
    ],
  ],
  [
    "a resource that came up unhealthy is kept, and updated by the next run",
    [
      {
        program: `new Thing("a", { sick: true });`,
        errors: /it is sick/,
        check: (_outcome, stack) => assert.deepEqual(stack.state("a")?.initErrors, ["it is sick"]),
      },
      {
        program: `new Thing("a", { sick: true });`,
        steps: ["update a"],
        check: (_outcome, stack) => assert.equal(stack.state("a")?.initErrors, undefined),
      },
    ],
  ],
  [
    "customTimeouts are recorded in seconds",
    [
      {
        program: `new Thing("a", {}, { customTimeouts: { create: "1h30m", delete: "45s" } });`,
        check: (_outcome, stack) => assert.deepEqual(stack.state("a")?.customTimeouts, { create: 5_400, delete: 45 }),
      },
    ],
  ],
];

describeRows("aliases, secrets and health", rows);
