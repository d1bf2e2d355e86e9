import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { allGone, processesOf } from "../support/processes.ts";
import { ended } from "../support/pulumi.ts";
import { untilSaid } from "../support/until-said.ts";
import { HostileStack } from "./support/hostile-stack.ts";

const plugin = fileURLToPath(new URL("./support/hostile-plugin.mjs", import.meta.url));

const hostile = `
  class Hostile extends pulumi.CustomResource {
    constructor(does, opts) { super("hostile:index:Thing", does, { does }, opts); }
  }`;

/** A stack whose PATH has the plugin `hostile`. */
async function withPlugin(program: string): Promise<HostileStack> {
  const stack = await HostileStack.create(hostile + program);
  const { sandbox } = stack;
  const bin = join(sandbox.folder, "bin");
  await mkdir(bin);
  await symlink(plugin, join(bin, "pulumi-resource-hostile"));
  sandbox.env["PATH"] = [bin, process.env["PATH"]].join(delimiter);
  return stack;
}

describe("a plugin that does not start", { timeout: 240_000 }, () => {
  let stack: HostileStack;
  before(async () => {
    stack = await withPlugin(`new Hostile("well");`);
  });
  after(() => stack.remove());

  const rows: readonly (readonly [start: string, says: readonly RegExp[]])[] = [
    ["exits", [/resource plugin hostile/, /exit code 3/, /the hostile plugin has no wish to start/]],
    ["garbage", [/resource plugin hostile/, /this is no port/]],
    ["wrong-port", [/hostile/]],
    ["refuses-configuration", [/configuration refused/]],
  ];
  for (const [start, says] of rows) {
    it(`because it does this: ${start}. The plugin is named, nothing is made and no process is left`, async () => {
      stack.sandbox.env["HOSTILE_START"] = start;
      const { code, said } = await stack.up();
      assert.equal(code, 1, said);
      for (const text of says) assert.match(said, text);
      assert.deepEqual(await stack.names(), []);
      assert.deepEqual(await stack.pending(), []);
    });
  }

  it("because it never tells its port is given up with Ctrl-C", async () => {
    stack.sandbox.env["HOSTILE_START"] = "silent";
    const child = stack.sandbox.start(["up", "--yes", "--skip-preview"]);
    const done = ended(child);
    while (!(await processesOf(stack.sandbox)).some(({ command }) => command.includes("pulumi-resource-hostile")))
      if (child.exitCode !== null) break;
    child.kill("SIGINT");
    await untilSaid(child, "^C received");
    child.kill("SIGINT");
    const { code, stderr } = await done;
    assert.equal(code, 8, stderr);
    await allGone(stack.sandbox);
    assert.deepEqual(await stack.locks(), []);
  });

  it("because there is none: which one, and what to do", async () => {
    await stack.program(`new pulumi.CustomResource("nowhere:index:Thing", "thing", {}, { version: "1.2.3" });`);
    const { code, said } = await stack.up();
    assert.equal(code, 1, said);
    assert.match(said, /nowhere/);
    assert.match(said, /pulumi-resource-nowhere/);
  });
});

describe("a plugin that misbehaves while it creates", { timeout: 240_000 }, () => {
  const rows: readonly {
    readonly does: string;
    readonly says: readonly RegExp[];
    readonly made?: readonly string[];
    readonly pending?: readonly string[];
  }[] = [
    { does: "crash", says: [/hostile/, /SIGKILL/, /last words of the plugin/], pending: ["creating crash"] },
    { does: "exit", says: [/hostile/], pending: ["creating exit"] },
    { does: "refuse", says: [/error: .*refused\n\s+in two lines/] },
    { does: "no-id", says: [/no-id/] },
    { does: "signature", says: [/signature/] },
  ];
  for (const { does, says, made = [], pending = [] } of rows) {
    it(`${does}: what went wrong is told of the resource, what was made stays, and the next update goes on`, async () => {
      const stack = await withPlugin(
        `const well = new Hostile("well"); new Hostile("${does}", { dependsOn: [well] });`,
      );
      try {
        const { code, said } = await stack.up();
        assert.equal(code, 1, said);
        for (const text of says) assert.match(said, text);
        assert.doesNotMatch(said, /\d+ (UNKNOWN|UNAVAILABLE|INTERNAL):/, "no words of the transport");
        assert.deepEqual((await stack.names()).sort(), ["well", ...made].sort());
        // `exit` may be told apart from an answer or not: what it made is not known either way
        assert.deepEqual(await stack.pending(), pending);
        await stack.program(`${hostile} new Hostile("well");`);
        const next = await stack.up();
        assert.equal(next.code, 0, next.said);
        assert.deepEqual(await stack.names(), ["well"]);
      } finally {
        await stack.remove();
      }
    });
  }

  it("hang: Ctrl-C asks it to cancel, Ctrl-C again ends it, and what had begun is on record", async () => {
    const stack = await withPlugin(`new Hostile("hang");`);
    try {
      const child = stack.sandbox.start(["up", "--yes", "--skip-preview"]);
      const done = ended(child);
      while (!(await stack.ledger()).includes("begin hang")) assert.equal(child.exitCode, null);
      child.kill("SIGINT");
      while (!(await stack.ledger()).includes("cancel")) assert.equal(child.exitCode, null);
      child.kill("SIGINT");
      assert.equal((await done).code, 8);
      await allGone(stack.sandbox);
      assert.deepEqual(await stack.pending(), ["creating hang"]);
      assert.deepEqual(await stack.locks(), []);
    } finally {
      await stack.remove();
    }
  });

  it("answer with 20 MB, or with nothing but an id: both are kept", async () => {
    const stack = await withPlugin(`new Hostile("huge"); new Hostile("nothing");`);
    try {
      const { code, said } = await stack.up("--suppress-outputs");
      assert.equal(code, 0, said.slice(0, 2_000));
      const { resources = [] } = await stack.state();
      const text = resources.find(({ id }) => id === "huge")?.outputs?.["text"];
      assert.equal(text, "h".repeat(20_000_000));
      assert.deepEqual(resources.find(({ id }) => id === "nothing")?.outputs ?? {}, {});
    } finally {
      await stack.remove();
    }
  });

  it("is killed by somebody between two steps: the next step says so", async () => {
    const stack = await withPlugin(`
      const well = new Hostile("well");
      const gate = new Thing("gate", { gate: "open" }, { dependsOn: [well] });
      new Hostile("nothing", { dependsOn: [gate] });`);
    try {
      const child = stack.sandbox.start(["up", "--yes", "--skip-preview"]);
      const done = ended(child);
      while (!(await stack.ledger()).includes("begin gate")) assert.equal(child.exitCode, null);
      for (const { pid, command } of await processesOf(stack.sandbox))
        if (command.includes("pulumi-resource-hostile") && !command.startsWith("/bin/sh")) process.kill(pid, "SIGKILL");
      await writeFile(join(stack.sandbox.env["GATES"] ?? "", "open"), "");
      const { code, stdout } = await done;
      assert.equal(code, 1, stdout);
      assert.match(stdout, /hostile/);
      assert.deepEqual((await stack.names()).sort(), ["gate", "well"]);
      await allGone(stack.sandbox);
    } finally {
      await stack.remove();
    }
  });
});
