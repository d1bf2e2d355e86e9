/** What a pack is configured with: its own defaults, what it sets, and the file of --policy-pack-config. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { exitCodes } from "../../src/backend/errors.ts";
import { PolicySandbox, type Outcome } from "./support/policy-sandbox.ts";

/** Both tell their level by how they are told, and their properties in what they say. */
const policies = `["size", "owner"].map((name) => ({
  name, description: "d", enforcementLevel: "advisory",
  configSchema: { properties: {
    limit: { type: "integer", minimum: 1, default: 3 },
    words: { type: "array", items: { type: "string" }, default: ["a"] },
  } },
  validateResource(args, report) { if (args.props.ident) report(JSON.stringify(args.getConfig())); },
}))`;

function configured(outcome: Outcome): Record<string, unknown> {
  const rows = outcome.of("policyEvent").map((event) => {
    const config = JSON.parse(String(event["message"]).replace(/^d\n/, "")) as unknown;
    return [String(event["policyName"]), [event["enforcementLevel"], config]] as const;
  });
  return Object.fromEntries(rows);
}

describe("a policy pack's configuration", () => {
  let stack: PolicySandbox;
  before(async () => {
    stack = await PolicySandbox.create(`new Thing("one", {});`);
    await stack.pack("plain", { policies });
    await stack.pack("preset", { policies, initialConfig: `{ size: { limit: 5, enforcementLevel: "mandatory" } }` });
  });
  after(() => stack.remove());

  const preview = async (pack: string, config: unknown): Promise<Outcome> => {
    await stack.sandbox.write("config.json", typeof config === "string" ? config : JSON.stringify(config));
    return stack.run("preview", ["--policy-pack", pack, "--policy-pack-config", "config.json"]);
  };

  it("is the schema's defaults where nothing else is said", async () => {
    const outcome = await preview("plain", "");
    const defaults = ["advisory", { limit: 3, words: ["a"] }];
    assert.deepEqual(configured(outcome), { size: defaults, owner: defaults }, outcome.stdout);
  });

  it("overrides levels and properties, one by one and for all", async () => {
    const outcome = await preview("plain", {
      all: "mandatory",
      size: { limit: 7 },
      owner: { enforcementLevel: "advisory", words: ["b", "c"] },
    });
    assert.deepEqual(configured(outcome), {
      size: ["mandatory", { limit: 7, words: ["a"] }],
      owner: ["advisory", { limit: 3, words: ["b", "c"] }],
    });
    assert.equal(outcome.code, exitCodes.failure);
  });

  it("disables a policy", async () => {
    const outcome = await preview("plain", { size: "disabled" });
    assert.deepEqual(Object.keys(configured(outcome)), ["owner"]);
  });

  it("goes before what the pack sets itself, which goes before the defaults", async () => {
    const own = await stack.run("preview", ["--policy-pack", "preset"]);
    assert.deepEqual(configured(own)["size"], ["mandatory", { limit: 5, words: ["a"] }]);
    const file = await preview("preset", { size: { enforcementLevel: "advisory", words: [] } });
    assert.deepEqual(configured(file)["size"], ["advisory", { limit: 5, words: [] }]);
  });

  const refuses = async (config: unknown, ...expected: RegExp[]): Promise<void> => {
    const outcome = await preview("plain", config);
    assert.equal(outcome.code, exitCodes.failure, outcome.stdout);
    const told = outcome
      .of("diagnosticEvent")
      .map(({ message }) => message)
      .join("");
    for (const pattern of expected) assert.match(told, pattern);
    assert.deepEqual(outcome.of("resourcePreEvent"), []);
  };

  it("is refused with pack, policy and property where it does not fit the schema", () =>
    refuses(
      { size: { limit: "many" }, owner: { limit: 0, words: ["a", 1] } },
      /validating policy config: plain 1\.0\.0 {2}owner: limit: Must be greater than or equal to 1/,
      /plain 1\.0\.0 {2}owner: words\.1: Invalid type\. Expected: string, given: integer/,
      /plain 1\.0\.0 {2}size: limit: Invalid type\. Expected: integer, given: string/,
    ));

  it("is refused where the file is none", async () => {
    await refuses("{", /could not use the policy config .*config\.json/);
    await refuses("[]", /config\.json: it is not an object/);
    await refuses({ size: 3 }, /"size" must be a string or an object, not 3/);
    await refuses(
      { size: "strict" },
      /"strict" is not a valid enforcement level of "size"; it must be one of advisory/,
    );
    await refuses({ environments: ["a"] }, /Pulumi ESC environments/);
  });

  it("warns of policies that the pack does not have", async () => {
    const outcome = await preview("plain", { sise: "mandatory" });
    assert.equal(outcome.code, 0);
    const warning = outcome.of("diagnosticEvent")[0];
    assert.equal(warning?.["severity"], "warning");
    assert.match(String(warning["message"]), /config\.json: policy pack plain has no policy "sise"/);
  });

  it("is refused on the command line where packs and configs do not pair", async () => {
    const alone = await stack.run("preview", ["--policy-pack-config", "config.json"]);
    assert.equal(alone.code, exitCodes.failure);
    assert.match(alone.stderr, /"--policy-pack-config" must be specified with "--policy-pack"/);
    const odd = await stack.run("preview", ["--policy-pack", "plain,preset", "--policy-pack-config", "config.json"]);
    assert.equal(odd.code, exitCodes.failure);
    assert.match(
      odd.stderr,
      /the number of "--policy-pack-config" flags must match the number of "--policy-pack" flags/,
    );
  });

  it("is no matter of refresh and destroy, which know no packs", async () => {
    for (const command of ["refresh", "destroy"]) {
      const { code, stderr } = await stack.sandbox.run(`${command} --yes --policy-pack plain`);
      assert.notEqual(code, 0);
      assert.match(stderr, /unknown option '--policy-pack'/);
    }
  });
});
