import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";
import { importState, stackUrn } from "../support/state.ts";

describe("the commands for several values of a configuration", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create();
    await sandbox.succeed("stack init other");
    await sandbox.succeed("stack init dev");
  });
  after(() => sandbox.remove());

  const file = (): string => join(sandbox.work, "Pulumi.dev.yaml");
  const listed = async (...flags: string[]): Promise<Record<string, { value?: string; secret: boolean }>> =>
    JSON.parse(await sandbox.succeed(["config", "--json", ...flags])) as Record<
      string,
      { value?: string; secret: boolean }
    >;

  it("set-all sets plain values and secrets, and values inside of lists and maps", async () => {
    await sandbox.succeed("config set-all --plaintext a=1 --plaintext eq=x=y --secret b=two --plaintext empty=");
    await sandbox.succeed(
      "config set-all --path --plaintext outer.inner=5 --plaintext names[0]=ada --secret outer.key=s",
    );
    assert.deepEqual(await listed("--show-secrets"), {
      "sample:a": { value: "1", secret: false },
      "sample:b": { value: "two", secret: true },
      "sample:empty": { value: "", secret: false },
      "sample:eq": { value: "x=y", secret: false },
      "sample:names": { value: '["ada"]', objectValue: ["ada"], secret: false },
      "sample:outer": { value: '{"inner":5,"key":"s"}', objectValue: { inner: 5, key: "s" }, secret: true },
    });
    assert.equal((await readFile(file(), "utf8")).includes("two"), false);
  });

  it("set-all takes what `config --json` printed", async () => {
    const before = await listed("--show-secrets");
    await sandbox.succeed("config rm-all a b eq empty names outer");
    assert.deepEqual(await listed("--show-secrets"), {});
    await sandbox.succeed(["config", "set-all", "--json", JSON.stringify(before)]);
    assert.deepEqual(Object.keys(await listed("--show-secrets")), Object.keys(before));
    assert.equal((await listed("--show-secrets"))["sample:b"]?.value, "two");
    assert.equal((await listed())["sample:b"]?.value, undefined, "still a secret");
  });

  const refused: [args: string[], named: RegExp, code?: number][] = [
    [["set-all", "--plaintext", "novalue"], /must be in the form \[key\]=\[value\]; 'novalue' has no '='/, 2],
    [["set-all", "--plaintext", "a:b:c:d=1"], /invalid configuration key/],
    [["set-all", "--json", "{", "--path"], /--json option cannot be used with/, 2],
    [["set-all", "--json", "{"], /could not parse --json argument: it is not JSON/],
    [["set-all", "--json", "[]"], /could not parse --json argument: it is no map/],
    [["set-all", "--json", '{"a": {"secret": true}}'], /value for --json object key "a" is nil/],
    [["set-all", "--path", "--plaintext", "names[7]=x"], /names\[7\]: array index out of range/],
    [["cp"], /name the stack to copy to with --dest/, 2],
    [["cp", "--dest", "dev"], /current stack and destination stack are the same/],
    [["cp", "nope", "--dest", "other"], /configuration key 'nope' not found for stack 'dev'/],
    [["cp", "--dest", "nowhere"], /no stack named 'nowhere' found/, 6],
    [["refresh"], /no previous deployment/],
    [["rm-all"], /missing required argument 'keys'/, 2],
  ];
  for (const [args, named, code = 1] of refused)
    it(`\`config ${args.join(" ")}\` is refused, and sets nothing`, async () => {
      const before = await readFile(file(), "utf8");
      const result = await sandbox.run(["config", ...args]);
      assert.match(result.stderr, named);
      assert.equal(result.code, code);
      assert.equal(await readFile(file(), "utf8"), before);
    });

  it("cp copies one value or all; secrets are the other stack's own", async () => {
    await sandbox.succeed("config cp b --dest other");
    assert.equal(await sandbox.succeed("config get b --stack other"), "two\n");
    await sandbox.succeed("config cp --path outer.inner -d other");
    assert.equal(await sandbox.succeed("config get --path outer.inner --stack other"), "5\n");
    assert.equal((await sandbox.run("config get a --stack other")).code, 1);
    await sandbox.succeed("config cp --dest other");
    assert.equal(await sandbox.succeed("config get a --stack other"), "1\n");
    assert.equal(await sandbox.succeed("config get b --stack other"), "two\n");
  });

  it("rm-all removes what is there, and comments of the others stay", async () => {
    const text = await readFile(file(), "utf8");
    await writeFile(
      file(),
      text.replace(/^ {2}sample:a:/m, "  # of a\n  sample:a:").replace(/^config:/m, "# head\nconfig: # beside"),
    );
    await sandbox.succeed("config rm-all --path outer.inner names[0] nope");
    await sandbox.succeed("config rm-all eq empty");
    assert.deepEqual(Object.keys(await listed("--show-secrets")).sort(), [
      "sample:a",
      "sample:b",
      "sample:names",
      "sample:outer",
    ]);
    await sandbox.succeed("config set a 2");
    const after = await readFile(file(), "utf8");
    for (const comment of ["# of a", "# head", "# beside"]) assert.ok(after.includes(comment), after);
  });

  it("refresh sets what the last update had, and keeps a copy of what was there", async () => {
    const settings = await readFile(file(), "utf8");
    const salt = /encryptionsalt: (\S+)/.exec(settings)?.[1] ?? "";
    const secure = /sample:b:\s+secure: (\S+)/.exec(settings)?.[1] ?? "";
    await importState(sandbox, [{ urn: stackUrn, custom: false, type: "pulumi:pulumi:Stack" }]);
    const folder = join(sandbox.state, ".pulumi", "history", "sample", "dev");
    await mkdir(folder, { recursive: true });
    const config = { "sample:a": "of the update", "sample:b": { secure }, "sample:map": { x: [1] } };
    const record = { kind: "update", startTime: 1, message: "", environment: {}, config, version: 0 };
    const done = { ...record, result: "succeeded", endTime: 1, resourceChanges: {} };
    await writeFile(join(folder, "dev-1.history.json"), JSON.stringify(done));
    assert.match(
      await sandbox.succeed("config refresh"),
      /backed up existing configuration file to .*Pulumi\.dev\.yaml\.bak\nrefreshed configuration for stack 'dev'\n/,
    );
    assert.deepEqual(Object.keys(await listed("--show-secrets")), ["sample:a", "sample:b", "sample:map"]);
    assert.equal((await listed("--show-secrets"))["sample:b"]?.value, "two");
    assert.match(await readFile(`${file()}.bak`, "utf8"), /sample:outer/);
    await sandbox.succeed("config refresh");
    assert.ok(existsSync(`${file()}.bak.bak`), "no copy is written over");
    await rm(file());
    assert.equal(await sandbox.succeed("config refresh"), "");
    assert.equal(await sandbox.succeed("config get b"), "two\n");
    assert.match(await readFile(file(), "utf8"), new RegExp(`encryptionsalt: ${salt.replace(/[+/]/g, "\\$&")}`));
    await sandbox.succeed("config set a mine");
    assert.equal(await sandbox.succeed("config refresh --force"), "");
    assert.equal(await sandbox.succeed("config get a"), "of the update\n");
    assert.equal(existsSync(`${file()}.bak.bak.bak`), false);
  });
});
