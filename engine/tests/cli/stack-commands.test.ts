import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";
import { importSample } from "../support/state.ts";

describe("stack commands", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create();
    await sandbox.succeed("stack init dev");
    await importSample(sandbox);
  });
  after(() => sandbox.remove());

  it("print outputs: secrets masked, unless they are asked for", async () => {
    assert.deepEqual(JSON.parse(await sandbox.succeed("stack output --json")), {
      hidden: "[secret]",
      list: [1, { a: null, b: 2 }],
    });
    assert.equal(await sandbox.succeed("stack output hidden --json --show-secrets"), '{\n  "key": "s3cret"\n}\n');
    assert.equal(await sandbox.succeed("stack output list"), '[1,{"a":null,"b":2}]\n');
    const missing = await sandbox.run("stack output nope");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /current stack does not have output property 'nope'/);
  });

  it("need no passphrase for what is no secret", async () => {
    const { PULUMI_CONFIG_PASSPHRASE } = sandbox.env;
    delete sandbox.env["PULUMI_CONFIG_PASSPHRASE"];
    try {
      await sandbox.succeed("stack output --json");
      await sandbox.succeed("stack ls");
      await sandbox.succeed("stack export");
      const refused = await sandbox.run("stack output --show-secrets");
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /passphrase must be set with PULUMI_CONFIG_PASSPHRASE/);
    } finally {
      sandbox.env["PULUMI_CONFIG_PASSPHRASE"] = PULUMI_CONFIG_PASSPHRASE;
    }
  });

  it("export what import takes back, field by field", async () => {
    const exported = await sandbox.succeed("stack export");
    assert.equal(exported.includes("s3cret"), false, "import encrypted what came in the clear");
    await sandbox.succeed("stack import", exported);
    assert.equal(await sandbox.succeed("stack export"), exported);
    const open = await sandbox.succeed("stack export --show-secrets");
    assert.match(open, /"plaintext": "\{\\"key\\":\\"s3cret\\"\}"/);
    await sandbox.succeed("stack import", open);
    assert.equal((await sandbox.succeed("stack export")).includes("s3cret"), false);
    assert.match(exported, /"viewOf": "x"/, "a field that this engine does not know");
  });

  it("say which file could not be read", async () => {
    for (const file of ["nothing.json", "/"]) {
      const { code, stderr } = await sandbox.run(["stack", "import", "--file", file]);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`error: could not read ${file}: E[A-Z]+`));
      assert.doesNotMatch(stderr, /\n\s+at /);
    }
  });

  it("refuse to import another stack's resources", async () => {
    const exported = (await sandbox.succeed("stack export")).replaceAll("urn:pulumi:dev::", "urn:pulumi:prod::");
    const refused = await sandbox.run("stack import", exported);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /resource\(s\) of another stack, first urn:pulumi:prod::/);
    assert.equal((await sandbox.run("stack import", '{"version": 9, "deployment": {}}')).code, 1);
    assert.equal((await sandbox.run("stack import", "nonsense")).code, 1);
  });

  it("list stacks, and select one", async () => {
    await sandbox.succeed("stack init other");
    const listed = JSON.parse(await sandbox.succeed("stack ls --json")) as object[];
    assert.deepEqual(listed, [
      { name: "dev", current: false, lastUpdate: "2026-01-01T00:00:00.000Z", resourceCount: 2 },
      { name: "other", current: true },
    ]);
    await sandbox.succeed("stack select organization/sample/dev");
    assert.equal(await sandbox.succeed("stack --show-name"), "dev\n");
    assert.equal((await sandbox.run("stack init dev")).code, 1);
    assert.equal((await sandbox.run("stack select nope")).code, 6);
    await sandbox.succeed("stack rm other --yes");
  });

  it("unprotect resources, one or all", async () => {
    const refused = await sandbox.run("state unprotect urn:x --yes");
    assert.match(refused.stderr, /no resource with URN urn:x/);
    assert.equal(await sandbox.succeed("state unprotect --all --yes"), "All resources unprotected\n");
    assert.equal((await sandbox.succeed("stack export")).includes("protect"), false);
    assert.equal((await sandbox.run("state unprotect --all")).code, 2, "nobody is there to confirm");
  });

  it("do not remove a stack that still holds something", async () => {
    const refused = await sandbox.run("stack rm dev --yes");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /'dev' still has resources; removal rejected/);
    assert.equal((await sandbox.run("stack rm dev")).code, 2);
  });
});
