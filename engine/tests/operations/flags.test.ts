import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";
import { stateOnDisk } from "../support/state.ts";
import { things } from "../support/things.ts";

interface Digest {
  readonly steps?: readonly {
    readonly op: string;
    readonly urn: string;
    readonly oldState?: Readonly<Record<string, unknown>>;
    readonly newState?: Readonly<Record<string, unknown>>;
  }[];
  readonly changeSummary: Readonly<Record<string, number>>;
}

/** The commands build on each other: one stack goes through them. */
describe("flags of operations", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create({
      program: `${things}
        const a = new Thing("a", { n: config.getNumber("n") ?? 1 });
        const b = new Thing("b", { n: a.twice, key: pulumi.secret("s3cret") });
        new Thing("c", { n: b.twice }, { protect: config.getBoolean("protect") });
        new Thing("free", { n: config.getNumber("n") ?? 1 }, { replaceOnChanges: ["n"], deleteBeforeReplace: true });
        pulumi.log.debug("a word for who looks for a fault");`,
    });
    sandbox.env["LEDGER"] = join(sandbox.folder, "ledger");
    await writeFile(sandbox.env["LEDGER"], "");
    await sandbox.succeed("stack init dev");
  });
  after(() => sandbox.remove());

  const urn = (name: string): string => `urn:pulumi:dev::sample::pulumi-nodejs:dynamic:Resource::${name}`;
  const digest = async (...flags: string[]): Promise<Digest> =>
    JSON.parse(await sandbox.succeed(["preview", "--json", ...flags])) as Digest;
  const named = ({ steps = [] }: Digest): string[] =>
    steps
      .map((step) => `${step.op} ${step.urn.split("::").at(-1) ?? ""}`)
      .filter((text) => !text.includes("sample-dev"));
  const left = async (): Promise<string[]> =>
    ((await stateOnDisk(sandbox)).resources ?? [])
      .filter(({ urn: one }) => one.includes("dynamic:Resource"))
      .map(({ urn: one }) => one.split("::").at(-1) ?? "");

  it("-c sets configuration, and keeps it; --show-config, --show-sames, --urns and --debug show more", async () => {
    const up = await sandbox.succeed(
      "up --yes --skip-preview -c n=2 --config-path -c outer.inner=x --show-config --urns --debug",
    );
    assert.match(up, /Configuration:\n {4}sample:n: 2\n {4}sample:outer: \{"inner":"x"\}\n/);
    assert.ok(up.includes(` +  ${urn("a")} created`), up);
    assert.match(up, /a word for who looks for a fault/);
    assert.equal(await sandbox.succeed("config get n"), "2\n");
    const quiet = await sandbox.succeed("preview");
    assert.equal(/Resource a|for who looks/.test(quiet), false, quiet);
    assert.match(await sandbox.succeed("preview --show-sames"), /pulumi-nodejs:dynamic:Resource a/);
  });

  it("preview --json has whole states: what depends on what, when it was made; secrets masked", async () => {
    const found = await digest("-c", "n=3");
    assert.deepEqual(named(found).sort(), ["replace free", "update a", "update b", "update c"]);
    const step = found.steps?.find((one) => one.urn === urn("b"));
    for (const state of [step?.oldState, step?.newState]) {
      assert.deepEqual(state?.["dependencies"], [urn("a")]);
      assert.deepEqual((state["propertyDependencies"] as Record<string, unknown>)["n"], [urn("a")]);
      assert.match(String(state["created"]), /^\d{4}-\d\d-\d\dT.*Z$/);
      assert.equal((state["inputs"] as Record<string, unknown>)["key"], "[secret]");
    }
    const whole = await digest("--show-replacement-steps");
    assert.deepEqual(
      named(whole)
        .filter((text) => text.endsWith(" free"))
        .sort(),
      ["create-replacement free", "delete-replaced free", "replace free"],
    );
    sandbox.env["PULUMI_ENABLE_STREAMING_JSON_PREVIEW"] = "true";
    const [first = ""] = (await sandbox.succeed("preview --json")).split("\n");
    delete sandbox.env["PULUMI_ENABLE_STREAMING_JSON_PREVIEW"];
    assert.equal((JSON.parse(first) as { sequence: number }).sequence, 0);
  });

  it("what nothing is called fails a refresh, before anything is asked", async () => {
    for (const command of ["refresh --yes", "preview --refresh"])
      for (const flag of ["--target", "--exclude"]) {
        const { code, stdout, stderr } = await sandbox.run([...command.split(" "), flag, urn("nobody")]);
        assert.notEqual(code, 0, `${command} ${flag}`);
        assert.match(stdout + stderr, /Target 'urn:.*::nobody' could not be found in the stack/);
      }
  });

  it("--exclude leaves a resource alone, --exclude-dependents what depends on it too", async () => {
    assert.deepEqual(named(await digest("-x", urn("free"), "--exclude", urn("c"))).sort(), ["update a", "update b"]);
    assert.deepEqual(named(await digest("--exclude", urn("a"), "--exclude-dependents")), ["replace free"]);
  });

  const refused: [line: string, named: RegExp][] = [
    ["up --plan p", /does not support --plan of `pulumi up`: plans/],
    ["preview --save-plan p", /--save-plan of `pulumi preview`/],
    ["preview --import-file p", /--import-file of `pulumi preview`/],
    ["up --continue-on-error --yes", /--continue-on-error of `pulumi up`: of an update; `pulumi destroy` has it/],
    ["refresh --run-program --yes", /--run-program of `pulumi refresh`/],
    ["destroy --ignore-protect --yes", /--ignore-protect of `pulumi destroy`: `pulumi state unprotect`/],
    ["up --attach-debugger program", /--attach-debugger of `pulumi up`/],
    ["preview --neo", /--neo of `pulumi preview`: Pulumi Cloud's assistant/],
    ["destroy --yes --exclude-protected --target x", /you cannot specify --target and --exclude-protected/],
    ["up --yes -c =x", /'=x' of --config has no key/],
  ];
  for (const [line, why] of refused)
    it(`\`pulumi ${line}\` is refused before anything happens`, async () => {
      const ledger = await readFile(sandbox.env["LEDGER"] ?? "", "utf8");
      const result = await sandbox.run(line);
      assert.match(result.stderr, why);
      assert.notEqual(result.code, 0);
      assert.equal(await readFile(sandbox.env["LEDGER"] ?? "", "utf8"), ledger);
    });

  it("destroy spares what is protected with --exclude-protected, and what that needs", async () => {
    await sandbox.succeed("up --yes --skip-preview -c protect=true");
    const { stdout } = await sandbox.run("destroy --yes --skip-preview --exclude-protected");
    assert.match(stdout, /All unprotected resources were destroyed\. There are still 1 protected resources/);
    assert.deepEqual(await left(), ["a", "b", "c"]);
    await sandbox.succeed("state protect --all --yes");
    assert.match(
      await sandbox.succeed("destroy --yes --exclude-protected"),
      /There were no unprotected resources to destroy/,
    );
    await sandbox.succeed("state unprotect --all --yes");
  });

  it("destroy says what is left of the stack, and with --remove leaves nothing", async () => {
    await sandbox.succeed("config set protect false");
    assert.match(await sandbox.succeed("destroy --yes --skip-preview"), /run `pulumi stack rm dev`/);
    await sandbox.succeed("up --yes --skip-preview");
    const { stdout } = await sandbox.run("destroy --yes --skip-preview --remove --json");
    for (const line of stdout.trim().split("\n")) JSON.parse(line);
    assert.equal(existsSync(sandbox.stateFile("dev")), false);
    assert.equal(existsSync(join(sandbox.work, "Pulumi.dev.yaml")), false);
  });
});

describe("destroy --continue-on-error", () => {
  it("goes on to what the failure does not concern; without it, it stops", async () => {
    const sandbox = await Sandbox.create({
      program: `
        const pulumi = require("@pulumi/pulumi");
        class Thing extends pulumi.dynamic.Resource {
          constructor(name, args, opts) {
            super({
              create: async (inputs) => ({ id: inputs.name, outs: inputs }),
              delete: async (id) => { if (id === "bad") throw new Error("delete refused"); },
            }, name, { name, ...args }, opts);
          }
        }
        const base = new Thing("base");
        new Thing("bad", { of: base.name });
        let one = new Thing("one");
        for (const name of ["two", "three", "four"]) one = new Thing(name, { of: one.name });`,
    });
    try {
      await sandbox.succeed("stack init dev");
      await sandbox.succeed("up --yes --skip-preview");
      const names = async (): Promise<string[]> =>
        ((await stateOnDisk(sandbox)).resources ?? [])
          .filter(({ urn }) => urn.includes("dynamic:Resource"))
          .map(({ urn }) => urn.split("::").at(-1) ?? "")
          .sort();
      const stopped = await sandbox.run("destroy --yes --skip-preview --parallel 1");
      assert.equal(stopped.code, 1);
      assert.match(stopped.stdout, /delete refused/);
      assert.ok((await names()).includes("one"), "what would have come later was not begun");
      const went = await sandbox.run("destroy --yes --skip-preview --continue-on-error");
      assert.equal(went.code, 1);
      assert.deepEqual(await names(), ["bad", "base"]);
    } finally {
      await sandbox.remove();
    }
  });
});
