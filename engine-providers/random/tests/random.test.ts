/** The plugin process, the unmodified SDK and the `pulumi` command together. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { compare } from "bcryptjs";
import { randomProvider } from "../src/provider.ts";
import { Sandbox } from "../../../engine/tests/support/pulumi.ts";

const plugins = fileURLToPath(new URL("../bin", import.meta.url));

interface StateResource {
  readonly urn: string;
  readonly id: string;
  readonly inputs: Record<string, unknown>;
  readonly outputs: Record<string, unknown>;
}

async function program(body: string): Promise<Sandbox> {
  const sandbox = await Sandbox.create({ env: { AUTOMATOS_PLUGIN_PATH: plugins } });
  await rewrite(sandbox, body);
  await sandbox.succeed("stack init dev");
  return sandbox;
}

const rewrite = (sandbox: Sandbox, body: string): Promise<void> =>
  sandbox.write("index.js", `const random = require("@pulumi/random");\n${body}`);

async function resources(sandbox: Sandbox): Promise<Record<string, StateResource>> {
  const exported = await sandbox.succeed("stack export --show-secrets");
  const { deployment } = JSON.parse(exported) as { deployment: { resources: StateResource[] } };
  return Object.fromEntries(deployment.resources.map((resource) => [nameOf(resource), resource]));
}

const nameOf = ({ urn }: StateResource): string => urn.split("::").at(-1) ?? "";

async function outputs(sandbox: Sandbox): Promise<Record<string, string>> {
  return JSON.parse(await sandbox.succeed("stack output --json --show-secrets")) as Record<string, string>;
}

describe("@pulumi/random", () => {
  let sandbox: Sandbox;
  const all = (keeper: string): string => `
    const keepers = { of: "${keeper}" };
    exports.bytes = new random.RandomBytes("bytes", { length: 16, keepers }).hex;
    exports.id = new random.RandomId("id", { byteLength: 4, prefix: "p-", keepers }).b64Url;
    exports.integer = new random.RandomInteger("integer", { min: -3, max: 3, keepers }).result;
    exports.seeded = new random.RandomInteger("seeded", { min: 1, max: 100, seed: "12345", keepers }).result;
    const password = new random.RandomPassword("password", { length: 90, keepers });
    exports.password = password.result;
    exports.hash = password.bcryptHash;
    exports.pet = new random.RandomPet("pet", { keepers }).id;
    exports.prefixed = new random.RandomPet("prefixed", { length: 3, prefix: "my", separator: "_", keepers }).id;
    const inputs = ["a", "b", "c", "d", "e"];
    exports.shuffle = new random.RandomShuffle("shuffle", { inputs, resultCount: 7, keepers }).results;
    exports.order = new random.RandomShuffle("order", { inputs, seed: "-", keepers }).results;
    exports.string = new random.RandomString("string", { length: 12, special: false, keepers }).result;
    exports.uuid = new random.RandomUuid("uuid", { keepers }).result;
    exports.uuid4 = new random.RandomUuid4("uuid4", { keepers }).result;
    exports.uuid7 = new random.RandomUuid7("uuid7", { keepers }).result;
  `;
  let first: Record<string, string>;

  before(async () => {
    sandbox = await program(all("one"));
    await sandbox.succeed("up --yes --skip-preview");
    first = await outputs(sandbox);
  });
  after(() => sandbox.remove());

  it("makes values of the SDK's shapes", async () => {
    assert.match(first["bytes"] ?? "", /^[0-9a-f]{32}$/);
    assert.match(first["id"] ?? "", /^p-[\w-]{6}$/);
    assert.ok(Math.abs(Number(first["integer"])) <= 3);
    assert.match(first["pet"] ?? "", /^[a-z]+-[a-z]+$/);
    assert.match(first["prefixed"] ?? "", /^my_[a-z]+_[a-z]+_[a-z]+$/);
    assert.match(first["string"] ?? "", /^[A-Za-z0-9]{12}$/);
    assert.match(first["uuid4"] ?? "", /^[0-9a-f-]{14}4[0-9a-f]{3}-[89ab]/);
    assert.match(first["uuid7"] ?? "", /^[0-9a-f-]{14}7[0-9a-f]{3}-[89ab]/);
    assert.equal(first["shuffle"]?.length, 7);
    assert.equal(new Set(first["shuffle"].slice(0, 5)).size, 5);
    const { id: resource } = await resources(sandbox);
    const id = resource?.id ?? "";
    const bytes = Buffer.from(id, "base64url");
    assert.deepEqual(
      { ...resource?.outputs, keepers: undefined },
      {
        id,
        byteLength: 4,
        prefix: "p-",
        b64Std: `p-${bytes.toString("base64")}`,
        b64Url: `p-${id}`,
        dec: `p-${bytes.readUInt32BE()}`,
        hex: `p-${bytes.toString("hex")}`,
        keepers: undefined,
      },
    );
  });

  it("makes of a seed what Pulumi's own provider makes of it", async () => {
    // As terraform-provider-random's own tests have it for the seed "-"; and Go's Intn(100) + 1.
    assert.deepEqual(first["order"], ["a", "c", "b", "e", "d"]);
    assert.equal(Number(first["seeded"]), 44);
  });

  it("keeps passwords and bytes secret, and out of the password's id; the hash is of the password", async () => {
    const state = await readFile(sandbox.stateFile("dev"), "utf8");
    assert.ok(!state.includes(JSON.stringify(first["password"]).slice(1, -1)));
    assert.ok(!state.includes(first["bytes"] ?? "-"));
    assert.equal((await resources(sandbox))["password"]?.id, "none");
    assert.equal(Array.from(first["password"] ?? "").length, 90);
    assert.match(first["hash"] ?? "", /^\$2a\$10\$/);
    assert.ok(await compare((first["password"] ?? "").slice(0, 72), first["hash"] ?? ""));
  });

  it("changes nothing on a second update and on refresh", async () => {
    await sandbox.succeed("up --yes --skip-preview --expect-no-changes");
    await sandbox.succeed("refresh --yes --skip-preview --expect-no-changes");
    assert.deepEqual(await outputs(sandbox), first);
  });

  it("replaces everything when keepers change", async () => {
    await rewrite(sandbox, all("two"));
    const preview = JSON.parse(await sandbox.succeed("preview --json")) as { changeSummary: Record<string, number> };
    assert.equal(preview.changeSummary["replace"], 13);
    await sandbox.succeed("up --yes --skip-preview");
    const second = await outputs(sandbox);
    for (const name of ["bytes", "id", "password", "hash", "string", "uuid", "uuid4", "uuid7"]) {
      assert.notEqual(second[name], first[name], name);
    }
    assert.equal(second["seeded"], first["seeded"]);
    await sandbox.succeed("destroy --yes --skip-preview");
  });
});

describe("a change of inputs", () => {
  it("replaces, but not where it means the same", async (t) => {
    const sandbox = await program(`new random.RandomString("s", { length: 8, number: true, overrideSpecial: "" });`);
    t.after(() => sandbox.remove());
    await sandbox.succeed("up --yes --skip-preview");
    await rewrite(sandbox, `new random.RandomString("s", { length: "8", numeric: true, minLower: 0, upper: true });`);
    await sandbox.succeed("preview --expect-no-changes");
    await rewrite(sandbox, `new random.RandomString("s", { length: 8, numeric: false });`);
    const preview = JSON.parse(await sandbox.succeed("preview --json")) as { changeSummary: Record<string, number> };
    assert.equal(preview.changeSummary["replace"], 1);
  });
});

describe("inputs that cannot work", () => {
  const cases = [
    ["RandomInteger", { min: 4, max: 3 }, "min (4) is above max (3); lower min or raise max"],
    ["RandomString", { length: 0 }, "length is 0, below 1"],
    [
      "RandomPassword",
      { length: 3, minUpper: 2, minLower: 2 },
      "length (3) is below minUpper + minLower + minNumeric + minSpecial (4)",
    ],
    [
      "RandomString",
      { length: 3, upper: false, lower: false, number: false, special: false },
      "upper, lower, numeric and special are all false; at least one must be true",
    ],
    [
      "RandomString",
      { length: 3, number: true, numeric: false },
      "number and numeric differ; number is the former name, leave it out",
    ],
    ["RandomId", { byteLength: 1.5 }, "byteLength must be a whole number, not a number"],
    ["RandomUuid", { keepers: "a" }, "keepers must be a map, not a string"],
    ["RandomPet", { separater: "." }, "separater is no property here; did you mean separator?"],
  ] as const;
  for (const [type, inputs, reason] of cases) {
    it(`are refused: ${type} ${JSON.stringify(inputs)}`, async () => {
      const token = `random:index/${type.replace("R", "r")}:${type}`;
      const request = { urn: "", name: "x", type: token, oldInputs: undefined, randomSeed: new Uint8Array() };
      const { failures = [] } = await randomProvider().check({ ...request, inputs });
      assert.deepEqual(
        failures.map((failure) => failure.reason),
        [reason],
      );
    });
  }

  it("may be unknown at preview", async (t) => {
    const sandbox = await program(`
      const { result } = new random.RandomInteger("integer", { min: 3, max: 9 });
      exports.text = new random.RandomString("string", { length: result, minUpper: result }).result;
    `);
    t.after(() => sandbox.remove());
    await sandbox.succeed("preview");
    await sandbox.succeed("up --yes --skip-preview");
    assert.match((await outputs(sandbox))["text"] ?? "", /^[A-Z]{3,9}$/);
  });
});

describe("import", () => {
  it("takes a value over by the id that the documentation names", async (t) => {
    const body = (options: string): string => `
      const imported = (id) => (${options});
      new random.RandomId("id", { byteLength: 4, prefix: "p-" }, imported("p-,AQIDBA"));
      new random.RandomInteger("integer", { min: 1, max: 9, seed: "s" }, imported("5,1,9,s"));
      new random.RandomPassword("password", { length: 6 }, imported("secret"));
      new random.RandomString("string", { length: 4 }, imported("abcd"));
      new random.RandomBytes("bytes", { length: 3 }, imported("AAEC"));
      new random.RandomUuid("uuid", {}, imported("0F0E0D0C-0b0a-0908-0706-050403020100"));
    `;
    const sandbox = await program(body("{ import: id }"));
    t.after(() => sandbox.remove());
    await sandbox.succeed("up --yes --skip-preview");
    const state = await resources(sandbox);
    assert.equal(state["id"]?.outputs["dec"], "p-16909060");
    assert.deepEqual([state["integer"]?.outputs["result"], state["integer"]?.id], [5, "5"]);
    assert.equal(state["password"]?.id, "none");
    assert.equal(state["string"]?.outputs["result"], "abcd");
    assert.equal(state["bytes"]?.id, "AAEC");
    assert.equal(state["uuid"]?.id, "0f0e0d0c-0b0a-0908-0706-050403020100");
    await rewrite(sandbox, body("{}"));
    await sandbox.succeed("preview --expect-no-changes");
  });

  it("says what form an id must have", async (t) => {
    const sandbox = await program(`new random.RandomInteger("x", { min: 1, max: 9 }, { import: "five" });`);
    t.after(() => sandbox.remove());
    const { code, stdout, stderr } = await sandbox.run("up --yes --skip-preview");
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /result,min,max or result,min,max,seed, not "five"/);
  });
});
