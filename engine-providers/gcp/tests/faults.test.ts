import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RehearsedStack } from "../../rehearsal/tests/support/stack.ts";

const IMPORTS = `
import * as pulumi from "@pulumi/pulumi";
import * as compute from "@pulumi/gcp/compute/index.js";
import * as serviceaccount from "@pulumi/gcp/serviceaccount/index.js";
`;
const NETWORK = "gcp:compute/network:Network";
const network = (name: string) => `new compute.Network("${name}", { autoCreateSubnetworks: false });`;

describe("a rehearsal that is told to fail", () => {
  let stack: RehearsedStack;
  before(async () => {
    stack = await RehearsedStack.create("gcp", IMPORTS, { project: "acme", region: "europe-west3" });
  });
  after(() => stack.remove());

  it("refuses a configuration that does not fit, before anything else", async () => {
    await stack.program(network("any"));
    await stack.sandbox.write("rehearsal.json", JSON.stringify({ faults: [{ fault: "earthquake" }] }));
    stack.sandbox.env["PULUMI_REHEARSAL_FILE"] = "rehearsal.json";
    const message = await stack.upFails();
    assert.match(
      message,
      /rehearsal\.json cannot be used:[\s\S]*Expected 'permission-denied' \|[\s\S]*at faults\[0\]\.fault/,
    );
    assert.deepEqual(await stack.cloud.resources(), []);
  });

  it("denies an action by the permission's name", async () => {
    await stack.settings({ faults: [{ fault: "permission-denied", permission: "compute.networks.create" }] });
    const message = await stack.upFails(network("denied"));
    assert.match(
      message,
      /rehearsed gcp: googleapi: Error 403: Required 'compute\.networks\.create' permission for Network/,
    );
    const [entry] = stack.entries("denied");
    assert.deepEqual([entry?.outcome, entry?.fault], ["failed", "permission-denied"]);
  });

  it("has no more of a kind, and runs out of time", async () => {
    await stack.settings({
      faults: [
        { fault: "quota-exceeded", type: NETWORK, name: "full" },
        { fault: "timeout", type: "gcp:compute/*", name: "slow", times: 1 },
      ],
    });
    assert.match(await stack.upFails(network("full")), /Error 403: Quota 'NETWORKS' exceeded/);
    const slow = `new compute.Network("slow", {}, { customTimeouts: { create: "90s" } });`;
    assert.match(await stack.upFails(slow), /Error waiting to create Network '.*timeout: 90s/);
    await stack.up(slow);
  });

  it("leaves a resource that the stack does not know, when it ran out of time", async () => {
    const named = `new compute.Network("lost", { name: "lost" });`;
    await stack.settings({ faults: [{ fault: "timeout", type: NETWORK, leaves: "resource", times: 1 }] });
    await stack.upFails(named);
    assert.match(await stack.upFails(), /Error 409: .*networks\/lost' already exists/);
    await stack.up(named.replace("})", `}, { import: "lost" })`));
    assert.match(String((await stack.resource("lost")).id), /projects\/rehearsed-acme\/global\/networks\/lost/);
  });

  it("finds what was made only later: in time or too late", async () => {
    const program = (name: string) => `
      const account = new serviceaccount.Account("${name}", { accountId: "${name}-account" });
      new serviceaccount.Key("${name}-key", { serviceAccountId: account.name });`;
    const late = (name: string, failures: number) => ({
      fault: "eventual-consistency" as const,
      type: "gcp:serviceaccount/account:Account",
      name,
      failures,
    });
    await stack.settings({ faults: [late("early", 4), late("late", 9)] });
    await stack.up(program("early"));
    assert.deepEqual(
      stack.entries("early-key").map(({ outcome }) => outcome),
      ["retried", "done"],
    );
    assert.match(
      await stack.upFails(program("late")),
      /does not exist \(yet\); Key 'late-key' names it in serviceAccountId/,
    );
    await stack.up();
  });

  it("loses a resource behind the stack's back, and makes another one half", async () => {
    await stack.settings({
      faults: [
        { fault: "vanished", type: NETWORK, name: "gone" },
        { fault: "partial-creation", type: NETWORK, name: "half", reason: "the route was not made" },
      ],
    });
    await stack.up(network("gone"));
    await stack.refresh();
    assert.ok(!(await stack.state()).some(({ urn }) => urn.endsWith("::gone")));
    assert.deepEqual(
      stack.entries("gone").map(({ action, outcome, fault }) => [action, outcome, fault]),
      [
        ["create", "done", undefined],
        ["read", "gone", "vanished"],
      ],
    );
    const both = network("gone") + network("half");
    assert.match(await stack.upFails(both), /rehearsed gcp: the route was not made/);
    assert.deepEqual((await stack.resource("half")).initErrors, ["rehearsed gcp: the route was not made"]);
    await stack.up();
    assert.equal((await stack.resource("half")).initErrors, undefined);
  });
});
