import assert from "node:assert/strict";
import { copyFile, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { mkdir } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";

/** A state with one resource and two outputs, one of them secret, without running anything. */
async function withState(sandbox: Sandbox): Promise<void> {
  const secret = await sandbox
    .succeed("config set --secret seed s3cret")
    .then(() => sandbox.succeed("config get seed"));
  assert.equal(secret, "s3cret\n");
  const settings = await readFile(join(sandbox.work, "Pulumi.dev.yaml"), "utf8");
  const salt = /encryptionsalt: (\S+)/.exec(settings)?.[1];
  const stack = "urn:pulumi:dev::sample::pulumi:pulumi:Stack::sample-dev";
  const deployment = {
    manifest: { time: "2026-01-01T00:00:00Z", magic: "", version: "" },
    secrets_providers: { type: "passphrase", state: { salt } },
    resources: [
      {
        urn: stack,
        custom: false,
        type: "pulumi:pulumi:Stack",
        outputs: {
          list: [1, { b: 2, a: null }],
          hidden: {
            "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
            plaintext: '{"key":"s3cret"}',
          },
        },
      },
      {
        urn: "urn:pulumi:dev::sample::t:m:T::a",
        custom: true,
        id: "i",
        type: "t:m:T",
        parent: stack,
        protect: true,
        viewOf: "x",
      },
    ],
  };
  await sandbox.succeed("stack import", JSON.stringify({ version: 3, deployment }));
}

describe("stack commands", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create();
    await sandbox.succeed("stack init dev");
    await withState(sandbox);
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

describe("a state that is not as it should be", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create();
    await sandbox.succeed("stack init dev");
    await withState(sandbox);
  });
  after(() => sandbox.remove());

  it("is refused when it is cut: the file and the checkpoint before it are named", async () => {
    const file = sandbox.stateFile("dev");
    const whole = await readFile(file, "utf8");
    await copyFile(file, `${file}.bak`);
    for (const broken of [
      whole.slice(0, whole.length / 2),
      "",
      "[]",
      '{"version":3,"checkpoint":{"latest":{"resources":[{}]}}}',
    ]) {
      await writeFile(file, broken);
      const refused = await sandbox.run("up --yes --skip-preview");
      assert.equal(refused.code, 1);
      assert.ok(refused.stderr.includes(file), refused.stderr);
      assert.ok(refused.stderr.includes(`${file}.bak`), refused.stderr);
      assert.equal(await readFile(file, "utf8"), broken, "and left as it is");
    }
    const listed = await sandbox.run("stack ls");
    assert.match(listed.stdout, /dev\* +n\/a/);
    assert.match(listed.stderr, /warning: the state file .* cannot be used/);
    await copyFile(`${file}.bak`, file);
    await sandbox.succeed("stack output");
  });

  it("is refused when it is compressed", async () => {
    const file = sandbox.stateFile("dev");
    await rename(file, `${file}.gz`);
    const refused = await sandbox.run("stack output");
    assert.match(refused.stderr, /does not support compressed state files/);
    await rename(`${file}.gz`, file);
  });

  it("is refused in a version of the future", async () => {
    const file = sandbox.stateFile("dev");
    const whole = await readFile(file, "utf8");
    await writeFile(file, whole.replace('"version":3', '"version":7'));
    const refused = await sandbox.run("preview");
    assert.match(refused.stderr, /has deployment version 7; this engine knows version 3/);
    await writeFile(file, whole);
  });

  it("is not touched by an operation with the wrong passphrase", async () => {
    const state = await readFile(sandbox.stateFile("dev"), "utf8");
    sandbox.env["PULUMI_CONFIG_PASSPHRASE"] = "wrong";
    const refused = await sandbox.run("up --yes --skip-preview");
    sandbox.env["PULUMI_CONFIG_PASSPHRASE"] = "correct horse";
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /incorrect passphrase for .*Pulumi\.dev\.yaml/);
    assert.equal(await readFile(sandbox.stateFile("dev"), "utf8"), state);
  });

  it("is refused while another process works on it, until `cancel`", async () => {
    const locks = join(sandbox.state, ".pulumi", "locks", "organization", "sample", "dev");
    await mkdir(locks, { recursive: true });
    const holder = { pid: process.pid, username: "ada", hostname: hostname(), timestamp: new Date().toISOString() };
    await writeFile(join(locks, "1.json"), JSON.stringify(holder));
    for (const line of ["up --yes --skip-preview", "refresh --yes", "stack rm --yes", "stack import"]) {
      const refused = await sandbox.run(line, '{"version":3,"deployment":{}}');
      assert.equal(refused.code, 1, line);
      assert.match(refused.stderr, /created by ada@.* \(pid \d+\)/);
    }
    assert.equal(await sandbox.succeed("cancel"), "The currently running update for 'dev' has been canceled!\n");
    await sandbox.succeed("state unprotect --all --yes");
  });

  it("is not looked for in the layout of long ago", async () => {
    await rm(join(sandbox.state, ".pulumi", "meta.yaml"));
    const old = join(dirname(dirname(sandbox.stateFile("dev"))), "old.json");
    await writeFile(old, "{}");
    const refused = await sandbox.run("preview");
    assert.match(refused.stderr, /layout without projects/);
    await rm(old);
  });
});
