import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";
import { importState, stackUrn, urnOf } from "../support/state.ts";

interface Credentials {
  readonly current: string;
  readonly accessTokens: Readonly<Record<string, string>>;
  readonly accounts: Readonly<Record<string, object>>;
}

describe("login and logout", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create({ env: { PULUMI_BACKEND_URL: "" } });
    sandbox.env["HOME"] = sandbox.folder;
  });
  after(() => sandbox.remove());

  const credentials = async (): Promise<Credentials> =>
    JSON.parse(await readFile(join(sandbox.folder, "home", "credentials.json"), "utf8")) as Credentials;

  it("go to a folder, as Pulumi's own credentials have it, and leave it", async () => {
    const url = `file://${sandbox.state}`;
    assert.equal(
      await sandbox.succeed(["login", url]),
      `Logged in to ${hostname()} as ${userInfo().username} (${url})\n`,
    );
    const { current, accessTokens } = await credentials();
    assert.deepEqual([current, accessTokens], [url, { [url]: "" }]);
    await sandbox.succeed("stack init dev");
    assert.match(await readFile(sandbox.stateFile("dev"), "utf8"), /"stack":"organization\/sample\/dev"/);
    assert.deepEqual(JSON.parse(await sandbox.succeed("whoami --json")), { user: userInfo().username, url });
    assert.equal(await sandbox.succeed("whoami"), `${userInfo().username}\n`);
    assert.match(await sandbox.succeed("whoami -v"), new RegExp(`User: .+\nOrganizations: \nBackend URL: ${url}\n`));
    assert.equal(await sandbox.succeed("logout"), `Logged out of ${url}\n`);
    assert.equal((await credentials()).current, "");
    assert.equal((await sandbox.run("stack -s dev")).code, 6, "the project's own folder is the store again");
  });

  it("--local is the folder of the user", async () => {
    await sandbox.succeed("login --local");
    assert.equal((await credentials()).current, "file://~");
    await sandbox.succeed("stack init athome");
    assert.ok(await readFile(join(sandbox.folder, ".pulumi", "stacks", "sample", "athome.json"), "utf8"));
    assert.equal(await sandbox.succeed("logout --all"), "Logged out of everything\n");
    assert.deepEqual((await credentials()).accounts, {});
  });

  it("say that a variable goes before what they are told", async () => {
    sandbox.env["PULUMI_BACKEND_URL"] = "file:///elsewhere";
    const { stderr } = await sandbox.run(["login", `file://${sandbox.state}`]);
    assert.match(stderr, /PULUMI_BACKEND_URL environment variable is set to 'file:\/\/\/elsewhere', which conflicts/);
    sandbox.env["PULUMI_BACKEND_URL"] = "";
    await sandbox.succeed("logout --all");
  });

  const refused: [args: string[], named: RegExp, code?: number][] = [
    [["login", "https://api.example.org"], /does not support the state store https:\/\/api\.example\.org/],
    [["login", "gs://bucket"], /does not support the state store gs:\/\/bucket: only file:\/\/ and s3:\/\//],
    [["login", "s3://me:secret@b?kmskeyid=1"], /parameter 'kmskeyid' of the state store s3:\/\/\*\*\*\*@b/],
    [["login", "--local", "file:///x"], /a URL may not be specified when --local/, 2],
    [["login", "file:///x", "--cloud-url", "file:///y"], /only one of --cloud-url or argument URL/, 2],
    [["login", "file:///x", "--default-org", "o"], /--default-org: stores of files have no organizations/],
    [["logout", "--all", "file:///x"], /only one of --all/, 2],
  ];
  for (const [args, named, code = 1] of refused)
    it(`\`pulumi ${args.join(" ")}\` is refused`, async () => {
      const result = await sandbox.run(args);
      assert.match(result.stderr, named);
      assert.equal(result.code, code);
    });

  it("refuse credentials that are no JSON, naming the file", async () => {
    await writeFile(join(sandbox.folder, "home", "credentials.json"), "{");
    assert.match((await sandbox.run("stack ls")).stderr, /could not read .*credentials\.json: it is not JSON/);
  });
});

describe("about", () => {
  it("tells of the engine, the program, the stack and the store, in Pulumi's shape", async () => {
    const sandbox = await Sandbox.create();
    try {
      const alone = JSON.parse(await sandbox.succeed("about --json")) as { currentStack: unknown; errors: string[] };
      assert.equal(alone.currentStack, null);
      assert.match(alone.errors.join(), /current stack: no stack selected/);
      await sandbox.succeed("stack init dev");
      const resource = { urn: stackUrn, custom: false, type: "pulumi:pulumi:Stack" };
      const pending = { type: "creating", resource: { urn: urnOf("a"), custom: true, type: "t:m:T" } };
      await importState(sandbox, [resource], [pending]);
      await sandbox.write("package.json", '{"dependencies": {"@pulumi/pulumi": "*", "@pulumi/random": "*"}}');
      const about = JSON.parse(await sandbox.succeed("about --json")) as Record<string, unknown>;
      assert.deepEqual(Object.keys(about), [
        "plugins",
        "host",
        "backend",
        "currentStack",
        "cliAbout",
        "runtime",
        "dependencies",
        "errors",
      ]);
      assert.deepEqual(about["currentStack"], {
        name: "dev",
        fullyQualifiedName: "organization/sample/dev",
        resources: [{ type: resource.type, urn: stackUrn }],
        pendingOps: [{ type: "creating", urn: urnOf("a") }],
      });
      assert.match((about["cliAbout"] as { version: string }).version, /^v3\..*\+embedded$/);
      assert.deepEqual(
        (about["dependencies"] as { name: string }[]).map(({ name }) => name),
        ["@pulumi/pulumi", "@pulumi/random"],
      );
      assert.deepEqual(
        (about["plugins"] as { name: string }[]).map(({ name }) => name),
        ["random"],
      );
      assert.equal((about["backend"] as { url: string }).url, `file://${sandbox.state}`);
      const text = await sandbox.succeed("about");
      for (const expected of [/^CLI/, /This project is written in nodejs/, /Current Stack: organization\/sample\/dev/])
        assert.match(text, expected);
    } finally {
      await sandbox.remove();
    }
  });
});

describe("plugins", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create();
    await sandbox.write("pulumi-resource-fake", "#!/bin/sh\necho hello\n");
    await chmod(join(sandbox.work, "pulumi-resource-fake"), 0o755);
  });
  after(() => sandbox.remove());

  const listed = async (...flags: string[]): Promise<string[]> =>
    (
      JSON.parse(await sandbox.succeed(["plugin", "ls", "--json", ...flags])) as { name: string; version: string }[]
    ).map(({ name, version }) => `${name}-${version}`);

  it("that are not there are not said to be installed", async () => {
    const missing = await sandbox.run("plugin install resource fake 1.2.3");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no resource plugin fake of version 1\.2\.3 was found; looked in/);
    assert.equal((await sandbox.run("plugin install language go 1.0.0")).code, 1);
    assert.match((await sandbox.run("plugin install nonsense x")).stderr, /unrecognized plugin kind: nonsense/);
    assert.deepEqual(await listed(), []);
  });

  it("are installed from a file, found, listed with the newest first, and removed", async () => {
    for (const version of ["1.2.3", "1.10.0", "1.10.0-rc.1"])
      await sandbox.succeed(["plugin", "install", "resource", "fake", version, "--file", "pulumi-resource-fake"]);
    assert.deepEqual(await listed(), ["fake-1.10.0", "fake-1.10.0-rc.1", "fake-1.2.3"]);
    await sandbox.succeed("plugin install resource fake v1.2.3");
    await mkdir(join(sandbox.folder, "home", "plugins", "resource-half-v1.0.0"));
    await writeFile(join(sandbox.folder, "home", "plugins", "resource-half-v1.0.0.partial"), "");
    assert.equal((await listed()).length, 3, "what is not there whole is not listed");
    assert.match(
      await sandbox.succeed("plugin ls"),
      /fake +resource +1\.10\.0 .*\n[^]*TOTAL plugin cache size: \d+ B\n/,
    );
    assert.match(
      (await sandbox.run("plugin install resource fake --file pulumi-resource-fake")).stderr,
      /missing plugin version/,
    );
    assert.match((await sandbox.run("plugin install resource fake 2.0.0 --file nope")).stderr, /could not read nope/);
    assert.equal((await sandbox.run("plugin rm")).code, 1, "--all must be said");
    assert.equal((await sandbox.run("plugin rm --all")).code, 2, "nobody is there to confirm");
    assert.equal(await sandbox.succeed("plugin rm resource fake <1.10.0-rc.1 --yes"), "removed: resource fake-1.2.3\n");
    await sandbox.succeed("plugin rm --all --yes");
    assert.deepEqual(await listed(), []);
    assert.match((await sandbox.run("plugin rm --all --yes")).stderr, /no plugins found to uninstall/);
  });

  it("that the program's packages need are looked for; npm installs the packages", async () => {
    await sandbox.write("package.json", '{"name": "sample", "dependencies": {"@pulumi/random": "*"}}');
    const missing = await sandbox.run("plugin install");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no resource plugin random of version \d.*was found/);
    assert.match((await sandbox.run("install --no-dependencies")).stderr, /This engine downloads nothing/);
    const bin = join(sandbox.folder, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "npm"), '#!/bin/sh\necho "$PWD $*" > "$CALLS"\nexit ${NPM_EXIT:-0}\n');
    await chmod(join(bin, "npm"), 0o755);
    sandbox.env["PATH"] = `${bin}:${sandbox.env["PATH"] ?? ""}`;
    sandbox.env["CALLS"] = join(sandbox.folder, "calls");
    await sandbox.succeed("install --no-plugins");
    assert.equal(await readFile(sandbox.env["CALLS"], "utf8"), `${sandbox.work} install\n`);
    sandbox.env["NPM_EXIT"] = "7";
    const failed = await sandbox.run("install --no-plugins");
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /`npm install` in .* ended with 7/);
  });
});
