import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ended, Sandbox } from "../support/pulumi.ts";
import { things } from "../support/things.ts";

interface State {
  readonly resources?: readonly { readonly urn: string; readonly id?: string }[];
  readonly pending_operations?: readonly { readonly type: string; readonly resource: { readonly urn: string } }[];
}

async function prepared(program: string): Promise<Sandbox> {
  const sandbox = await Sandbox.create({ program: things + program });
  sandbox.env["LEDGER"] = join(sandbox.folder, "ledger");
  sandbox.env["GATES"] = join(sandbox.folder, "gates");
  await mkdir(sandbox.env["GATES"]);
  await writeFile(sandbox.env["LEDGER"], "");
  await sandbox.succeed("stack init dev");
  return sandbox;
}

async function stateOf(sandbox: Sandbox): Promise<State> {
  const { checkpoint } = JSON.parse(await readFile(sandbox.stateFile("dev"), "utf8")) as {
    checkpoint: { latest?: State };
  };
  return checkpoint.latest ?? {};
}

async function ledgerOf(sandbox: Sandbox): Promise<string[]> {
  return (await readFile(sandbox.env["LEDGER"] ?? "", "utf8")).split("\n").filter((line) => line !== "");
}

async function locksOf(sandbox: Sandbox): Promise<string[]> {
  return readdir(join(sandbox.state, ".pulumi", "locks", "organization", "sample", "dev"));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await setImmediate();
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}

describe("an update that is killed", () => {
  const rounds = 10;
  const perRound = 5;
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await prepared(`
      let before;
      for (let n = 0; n < config.requireNumber("count"); n += 1) {
        const thing = new Thing("t" + n, { n, of: n % 3 ? before.twice : 0, password: pulumi.secret("s" + n) });
        before = thing;
      }`);
  });
  after(() => sandbox.remove());

  it(`at ${rounds} random moments is finished by the next one, and nothing is made twice`, async () => {
    /** What was begun and had no end on record when an update was killed: it alone may be made again. */
    const excused = new Set<string>();
    for (let round = 1; round <= rounds; round += 1) {
      await sandbox.succeed(`config set count ${round * perRound}`);
      const child = sandbox.start(["up", "--yes", "--skip-preview"]);
      const done = ended(child);
      let linesLeft = Math.floor(Math.random() * perRound * 2);
      child.stdout?.on("data", (text: string) => {
        linesLeft -= text.split("\n").length - 1;
        if (linesLeft <= 0) child.kill("SIGKILL");
      });
      await done;
      const { resources = [], pending_operations: pending = [] } = await stateOf(sandbox);
      for (const { type, resource } of pending) if (type === "creating") excused.add(nameOf(resource.urn));
      const known = new Set(resources.map(({ urn }) => nameOf(urn)));
      const made = (await ledgerOf(sandbox)).filter((line) => line.startsWith("create ")).map((line) => line.slice(7));
      const forgotten = made.filter((name) => !known.has(name) && !excused.has(name));
      assert.deepEqual(forgotten, [], "all that was made is on disk, or on record as begun");
    }
    const last = await sandbox.run("up --yes --skip-preview");
    assert.equal(last.code, 0, last.stdout + last.stderr);
    const { resources = [] } = await stateOf(sandbox);
    const made = (await ledgerOf(sandbox)).filter((line) => line.startsWith("create ")).map((line) => line.slice(7));
    const twice = made.filter((name, index) => made.indexOf(name) !== index && !excused.has(name));
    assert.deepEqual(twice, []);
    const names = resources.map(({ urn }) => nameOf(urn)).filter((name) => /^t\d+$/.test(name));
    assert.equal(new Set(names).size, rounds * perRound);
    assert.equal(names.length, rounds * perRound);
    await sandbox.succeed("preview --expect-no-changes");
  });

  it("leaves a lock that the next one removes, saying so", async () => {
    await sandbox.succeed(`config set count ${rounds * perRound + 1}`);
    const child = sandbox.start(["up", "--yes", "--skip-preview"]);
    const done = ended(child);
    child.stdout?.once("data", () => child.kill("SIGKILL"));
    await done;
    assert.equal((await locksOf(sandbox)).length, 1);
    const next = await sandbox.run("up --yes --skip-preview");
    assert.equal(next.code, 0, next.stdout + next.stderr);
    assert.match(next.stderr, /the process that held the stack's lock is gone; the lock was removed/);
    assert.deepEqual(await locksOf(sandbox), []);
  });
});

describe("an update that nobody listens to any more", () => {
  it("goes on to its end", async () => {
    const sandbox = await prepared(`for (let n = 0; n < 5; n += 1) new Thing("t" + n, { n });`);
    try {
      const child = sandbox.start(["up", "--yes", "--skip-preview"]);
      const done = ended(child);
      child.stdout?.once("data", () => child.stdout?.destroy());
      assert.equal((await done).code, 0);
      assert.equal((await ledgerOf(sandbox)).filter((line) => line.startsWith("create ")).length, 5);
      assert.deepEqual(await locksOf(sandbox), []);
    } finally {
      await sandbox.remove();
    }
  });
});

describe("an update that is asked to stop", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await prepared(`
      const first = new Thing("first", { gate: "open" });
      new Thing("second", { n: first.twice });`);
  });
  after(() => sandbox.remove());

  it("at once ends at once: what had begun is on record, and the lock is gone", async () => {
    const child = sandbox.start(["up", "--yes", "--skip-preview"]);
    const done = ended(child);
    await until(async () => (await ledgerOf(sandbox)).includes("begin first"));
    child.kill("SIGINT");
    await once(child.stderr ?? child, "data");
    child.kill("SIGINT");
    const { code, stderr } = await done;
    assert.equal(code, 8, stderr);
    const { pending_operations: pending = [] } = await stateOf(sandbox);
    assert.deepEqual(
      pending.map(({ type, resource }) => `${type} ${nameOf(resource.urn)}`),
      ["creating first"],
    );
    assert.deepEqual(await locksOf(sandbox), []);
  });

  it("lets what runs come to its end, begins nothing else, and the next one goes on from there", async () => {
    await writeFile(sandbox.env["LEDGER"] ?? "", "");
    const child = sandbox.start(["up", "--yes", "--skip-preview"]);
    let said = "";
    child.stderr?.on("data", (text: string) => (said += text));
    const done = ended(child);
    await until(async () => (await ledgerOf(sandbox)).includes("begin first"));
    child.kill("SIGINT");
    await until(async () => said.includes("^C received; cancelling"));
    await writeFile(join(sandbox.env["GATES"] ?? "", "open"), "");
    const { code, stderr } = await done;
    assert.equal(code, 8, stderr);
    assert.match(stderr, /error: update cancelled/);
    assert.deepEqual(await ledgerOf(sandbox), ["begin first", "create first"]);
    assert.deepEqual(
      (await stateOf(sandbox)).resources?.map(({ urn }) => nameOf(urn)).filter((name) => /first|second/.test(name)),
      ["first"],
    );
    assert.deepEqual(await locksOf(sandbox), []);
    await sandbox.succeed("up --yes --skip-preview");
    assert.deepEqual((await ledgerOf(sandbox)).slice(2), ["begin second", "create second"]);
  });

  it("keeps a second update out while it runs", async () => {
    await sandbox.write("index.js", `${things}\nnew Thing("third", { gate: "third" });`);
    const child = sandbox.start(["up", "--yes", "--skip-preview"]);
    const done = ended(child);
    await until(async () => (await ledgerOf(sandbox)).includes("begin third"));
    const second = await sandbox.run("up --yes --skip-preview");
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      new RegExp(`the stack is currently locked by 1 lock.*\\(pid ${child.pid ?? 0}\\)`, "s"),
    );
    await writeFile(join(sandbox.env["GATES"] ?? "", "third"), "");
    assert.equal((await done).code, 0);
  });
});
