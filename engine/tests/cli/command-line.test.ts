import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { omit } from "../../src/backend/records.ts";
import { command, Sandbox } from "../support/pulumi.ts";

describe("the command line", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create();
    await sandbox.succeed("stack init dev");
  });
  after(() => sandbox.remove());

  const refused: [line: string, code: number, named: RegExp][] = [
    ["frobnicate", 1, /unknown command 'frobnicate'/],
    ["stack frobnicate", 1, /the command 'pulumi stack frobnicate'/],
    ["config frobnicate", 1, /the command 'pulumi config frobnicate'/],
    ["state frobnicate", 1, /unknown command 'frobnicate'/],
    ["policy ls", 1, /the command 'pulumi policy': packs are made and published/],
    ["new typescript --yes", 1, /the command 'pulumi new': templates are downloaded/],
    ["config env add x", 1, /the command 'pulumi config env': environments/],
    ["stack webhook", 1, /the command 'pulumi stack webhook'/],
    ["watch --stack dev", 1, /the command 'pulumi watch'/],
    ["up --remote", 2, /unknown option '--remote'/],
    ["up --parallel none", 2, /--parallel <count>' argument 'none' is invalid/],
    ["stack ls --frobnicate", 2, /unknown option '--frobnicate'/],
    ["config set", 2, /missing required argument 'key'/],
    ["version extra", 1, /too many arguments for 'version'/],
    ["-C /nowhere stack", 1, /could not change to the folder \/nowhere/],
    ["stack -s nope", 6, /no stack named 'nope' found/],
    ["stack -s no/pe/x", 2, /organization name must be 'organization'/],
    ["stack -s ../x", 2, /organization name/],
    ["up", 2, /--yes or --skip-preview or --preview-only must be passed in/],
    ["stack init --secrets-provider awskms://x y", 2, /'awskms:\/\/x' is invalid/],
  ];
  for (const [line, code, named] of refused)
    it(`\`pulumi ${line}\` is refused, and says what it is about`, async () => {
      const result = await sandbox.run(line);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, named);
      assert.equal(result.stdout, "");
    });

  it("says its version on one line, and which engine it is beside that", async () => {
    const { code, stdout, stderr } = await sandbox.run("version");
    assert.equal(code, 0);
    assert.match(stdout, /^v3\.\d+\.\d+\+embedded\n$/);
    assert.match(stderr, /^Embedded engine \d/);
  });

  it("says its version for `--version` too, and helps for `help` as for `--help`", async () => {
    assert.match(await sandbox.succeed("--version"), /^v3\.\d+\.\d+\+embedded\n$/);
    assert.equal(await sandbox.succeed("help"), await sandbox.succeed("--help"));
    assert.equal(await sandbox.succeed("help up"), await sandbox.succeed("up --help"));
  });

  it("names commands when it is given none", async () => {
    const { status, stdout } = spawnSync(process.execPath, [command], { env: sandbox.env, encoding: "utf8" });
    assert.equal(status, 0);
    for (const verb of ["preview", "up", "refresh", "destroy", "stack", "config"]) assert.ok(stdout.includes(verb));
  });

  it("loads neither gRPC nor the SDK for what needs none", async () => {
    for (const line of ["version", "stack output", "config"]) {
      const trace = join(sandbox.folder, "loaded");
      const hook = `
        const { registerHooks } = require("node:module"), { appendFileSync } = require("node:fs");
        registerHooks({ load: (url, context, next) => (appendFileSync(${JSON.stringify(trace)}, url + "\\n"), next(url, context)) });`;
      await writeFile(join(sandbox.folder, "hook.cjs"), hook);
      await writeFile(trace, "");
      sandbox.env["NODE_OPTIONS"] = `--require ${join(sandbox.folder, "hook.cjs")}`;
      await sandbox.succeed(line);
      delete sandbox.env["NODE_OPTIONS"];
      const loaded = (await readFile(trace, "utf8")).split("\n");
      assert.ok(loaded.some((url) => url.includes("/src/cli/main.ts")));
      assert.deepEqual(
        loaded.filter((url) => /grpc|protobuf|@pulumi\/pulumi\/(?!package\.json)|src\/deploy/.test(url)),
        [],
      );
    }
  });

  it("reads a value from standard input, and takes one that looks like a secret only when told to", async () => {
    await sandbox.succeed("config set text", "two\nlines\n");
    assert.equal(await sandbox.succeed("config get text"), "two\nlines\n");
    const refusedValue = await sandbox.run("config set apiToken aZ3kQ9xW7pL2mN5v");
    assert.equal(refusedValue.code, 1);
    assert.match(refusedValue.stderr, /looks like a secret/);
    await sandbox.succeed("config set --plaintext apiToken aZ3kQ9xW7pL2mN5v");
    assert.equal((await sandbox.run("config get nope")).code, 1);
  });

  it("shows a secret of a list only when asked to", async () => {
    await sandbox.succeed("config set --path --secret list[0] hunter2");
    assert.equal((await sandbox.succeed("config")).includes("hunter2"), false);
    assert.equal((await sandbox.succeed("config --json")).includes("hunter2"), false);
    assert.match(await sandbox.succeed("config --show-secrets"), /\["hunter2"\]/);
    assert.equal(await sandbox.succeed("config get --path list[0]"), "hunter2\n");
  });
});

describe("another pulumi on PATH", () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "choose-"))));
  after(() => rm(folder, { recursive: true }));

  /** Runs this package's command with one folder before all others on PATH. */
  async function run(
    name: string,
    script: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const bin = join(folder, name);
    await mkdir(bin, { recursive: true });
    if (script !== "") {
      await writeFile(join(bin, "pulumi"), script);
      await chmod(join(bin, "pulumi"), 0o755);
    }
    const inherited = omit(process.env, "AUTOMATOS_ENGINE");
    return spawnSync(process.execPath, [command, ...args], {
      cwd: folder,
      env: { ...inherited, PATH: `${bin}:/usr/bin:/bin`, ...env },
      encoding: "utf8",
      input: "typed",
    });
  }
  const answering = (version: string): string =>
    `#!/bin/sh\nif [ "$1" = version ]; then echo ${version}; exit 0; fi\necho "$# $1 $2"; cat; echo told >&2; exit 42\n`;

  it("is used, with the same arguments and streams, and its exit code", async () => {
    const result = await run("real", answering("v3.260.0"), ["up", "two words"]);
    assert.deepEqual([result.status, result.stdout, result.stderr], [42, "2 up two words\ntyped", "told\n"]);
  });

  it("is told of a signal, and ends as it ends", async () => {
    const script = `#!/bin/sh\nif [ "$1" = version ]; then echo v3.260.0; exit 0; fi\ntrap 'exit 7' TERM\nkill -TERM $PPID\nfor i in $(seq 400); do sleep 0.05; done\n`;
    assert.equal((await run("signal", script, ["up"])).status, 7);
  });

  it("is passed over when it is too old, is no Pulumi, or leads back here", async () => {
    for (const [name, script] of [
      ["old", answering("v3.199.9")],
      ["other", "#!/bin/sh\necho hello\n"],
      ["back", `#!/bin/sh\nexec ${process.execPath} ${command} "$@"\n`],
      ["none", ""],
    ] as const) {
      assert.match((await run(name, script, ["version"])).stdout, /\+embedded/, name);
      const forced = await run(name, script, ["version"], { AUTOMATOS_ENGINE: "cli" });
      assert.equal(forced.status, 1, name);
      assert.match(forced.stderr, /AUTOMATOS_ENGINE=cli, but there is no usable `pulumi` on PATH/);
    }
    assert.match(
      (await run("old", "", ["version"], { AUTOMATOS_ENGINE: "cli" })).stderr,
      /is 3\.199\.9, older than 3\.200\.0/,
    );
  });

  it("is left alone when the embedded engine is asked for", async () => {
    const asked = await run("real", answering("v3.260.0"), ["version"], { AUTOMATOS_ENGINE: "embedded" });
    assert.match(asked.stdout, /\+embedded/);
    assert.match(
      (await run("real", "", ["version"], { AUTOMATOS_ENGINE: "both" })).stderr,
      /may be 'embedded' or 'cli'/,
    );
  });
});
