import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";

const SECRETS = ["token-value-111", 'pass"word-222', "cloud-key-333"];
/** Tells its secrets in every way that a program and a provider have. */
const PROGRAM = `
  const pulumi = require("@pulumi/pulumi");
  const config = new pulumi.Config();
  const token = config.require("token");
  const password = config.require("password");
  console.log("printed " + token);
  console.log("region " + config.requireObject("cloud").region + " " + config.requireObject("cloud").key);
  console.error("complained " + password);
  pulumi.log.warn("warned " + JSON.stringify({ token, password }));
  class Thing extends pulumi.dynamic.Resource {
    constructor(name, args) {
      super({
        async create(inputs) {
          if (inputs.fail) throw new Error("no thing with " + inputs.fail);
          return { id: name, outs: inputs };
        },
      }, name, args);
    }
  }
  new Thing("plain", { url: "https://user:" + token + "@host" });
  exports.url = "https://" + token;
  if (config.getBoolean("fail")) new Thing("failing", { fail: password });
`;

describe("secret configuration", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create({ program: PROGRAM });
    await sandbox.succeed("stack init dev");
    for (const [index, name] of ["token", "password", "cloud.key"].entries())
      await sandbox.succeed(["config", "set", "--path", "--secret", name, SECRETS[index] ?? ""]);
  });
  before(() => sandbox.succeed("config set --path cloud.region somewhere-4"));
  after(() => sandbox.remove());

  const shows = (text: string) =>
    SECRETS.filter((secret) => text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1)));

  it("is in nothing that programs and providers say, nor in what is shown of resources", async () => {
    const log = join(sandbox.folder, "events");
    const json = await sandbox.run("preview --json");
    const up = await sandbox.run(["up", "--yes", "--diff", "--event-log", log]);
    assert.deepEqual([json.code, up.code], [0, 0], up.stderr);
    for (const text of [json.stdout, json.stderr, up.stdout, up.stderr, await readFile(log, "utf8")])
      assert.deepEqual(shows(text), [], text);
    assert.match(up.stdout, /printed \[secret\]/);
    assert.match(up.stdout, /region somewhere-4 \[secret\]/);
    assert.match(up.stdout, /complained \[secret\]/);
    assert.match(up.stdout, /https:\/\/user:\[secret\]@host/);
  });

  it("is not in the errors of a provider", async () => {
    await sandbox.succeed("config set fail true");
    const { code, stdout, stderr } = await sandbox.run("up --yes --skip-preview");
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /no thing with \[secret\]/);
    assert.deepEqual(shows(stdout + stderr), []);
  });

  it("stays what it is in the state, where the program made it plain", async () => {
    assert.equal((await sandbox.succeed("stack output url")).trim(), "https://token-value-111");
  });
});
