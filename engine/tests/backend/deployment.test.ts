import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkDeployment, checkVersion } from "../../src/backend/deployment.ts";

const stack = { urn: "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev", type: "pulumi:pulumi:Stack", custom: false };
const child = { urn: "urn:pulumi:dev::p::t:m:T::a", type: "t:m:T", custom: true, parent: stack.urn };

describe("a deployment", () => {
  it("is accepted when everything that is named comes before", () => {
    const second = { ...child, urn: `${child.urn}2`, dependencies: [child.urn] };
    checkDeployment({ resources: [stack, child, second] }, "x");
    checkDeployment({ resources: [stack, child, { ...child, delete: true }] }, "x");
    checkDeployment({}, "x");
  });

  const broken: [what: string, deployment: unknown, reason: RegExp][] = [
    ["no object", null, /no object/],
    ["no list", { resources: {} }, /no list/],
    ["no urn", { resources: [{ type: "t" }] }, /resource 0 has no urn/],
    ["a name twice", { resources: [stack, child, child] }, /duplicate resource/],
    ["a parent after its child", { resources: [child, stack] }, /parent .* missing/],
    [
      "a dependency that is missing",
      { resources: [stack, { ...child, dependencies: ["urn:x"] }] },
      /missing dependency urn:x/,
    ],
    ["an operation on nothing", { pending_operations: [{ type: "creating" }] }, /pending operation/],
  ];
  for (const [what, deployment, reason] of broken)
    it(`is refused with ${what}`, () => {
      assert.throws(() => checkDeployment(deployment, "dev.json"), { code: "STATE_INTEGRITY", message: reason });
    });

  it("is refused in another version, or with features that nobody here knows", () => {
    assert.throws(() => checkVersion(5, undefined, "dev.json"), { code: "STATE_VERSION", message: /version 5/ });
    assert.throws(() => checkVersion(4, ["views"], "dev.json"), { message: /features views/ });
    checkVersion(3, undefined, "dev.json");
  });
});
