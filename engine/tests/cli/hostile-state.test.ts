import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";
import { importSample, stackUrn, urnOf } from "../support/state.ts";

describe("a state that is not as it should be", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create();
    await sandbox.succeed("stack init dev");
    await importSample(sandbox);
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

  it("is refused when its backup is cut too: the newest copy that is whole is named, or that there is none", async () => {
    const file = sandbox.stateFile("dev");
    const whole = await readFile(file, "utf8");
    const backups = join(sandbox.state, ".pulumi", "backups", "sample", "dev");
    await mkdir(backups, { recursive: true });
    await writeFile(join(backups, "dev.1000000000000000001.json"), whole);
    await writeFile(join(backups, "dev.1000000000000000002.json"), whole);
    await writeFile(join(backups, "dev.1000000000000000003.json"), whole.slice(0, 100));
    for (const half of [file, `${file}.bak`]) await writeFile(half, whole.slice(0, whole.length / 3));
    const refused = await sandbox.run("preview");
    assert.match(refused.stderr, /cannot be used: it is not JSON[^]*dev\.1000000000000000002\.json/);
    await rm(backups, { recursive: true });
    assert.match((await sandbox.run("preview")).stderr, /There is no checkpoint of it that can be used/);
    for (const restored of [file, `${file}.bak`]) await writeFile(restored, whole);
  });

  it("is not hurt by a checkpoint that was cut short while it was written", async () => {
    const file = sandbox.stateFile("dev");
    const whole = await readFile(file, "utf8");
    const half = `${file}.0123456789ab.tmp`;
    await writeFile(half, whole.slice(0, whole.length / 2));
    assert.match(await sandbox.succeed("stack ls"), /^dev\*/m);
    await sandbox.succeed("state protect --all --yes");
    assert.equal(existsSync(half), false, "what was left of it is gone");
    await writeFile(file, whole);
  });

  it("is refused when a resource names one that is not there, unless that is to be repaired", async () => {
    const file = sandbox.stateFile("dev");
    const whole = await readFile(file, "utf8");
    const text = whole.replace(`"parent":"${stackUrn}"`, `"parent":"${urnOf("nobody")}"`);
    await writeFile(file, text);
    const refused = await sandbox.run("stack export");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /child resource .*::a's parent .*::nobody missing/);
    const exported = await sandbox.succeed("stack export --disable-integrity-checking");
    await sandbox.succeed("stack import --disable-integrity-checking", exported.replace(urnOf("nobody"), stackUrn));
    await sandbox.succeed("stack export");
    await writeFile(file, whole);
  });

  it("is refused when its secrets were changed, or are another provider's", async () => {
    const file = sandbox.stateFile("dev");
    const whole = await readFile(file, "utf8");
    await writeFile(file, whole.replace(/("ciphertext":"v1:[^:]+:)..../, "$1AAAA"));
    const changed = await sandbox.run("preview");
    assert.equal(changed.code, 1);
    assert.match(changed.stderr, /an encrypted value does not belong to this stack's passphrase and salt/);
    await writeFile(file, whole.replace('{"type":"passphrase"', '{"type":"cloud"'));
    const foreign = await sandbox.run("preview");
    assert.match(foreign.stderr, /does not support the secrets provider 'cloud' of .*dev\.json/);
    await writeFile(file, whole);
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
