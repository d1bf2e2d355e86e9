import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";
import { things } from "../support/things.ts";

const secretText = "hunter2-and-more";

/** The commands build on each other: one stack goes through all that can be shown of it. */
describe("what an operation shows and leaves", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create({
      program: `${things}
        const thing = new Thing("thing", {
          n: config.requireNumber("n"), password: config.requireSecret("password"), list: [{ a: 1 }, "x"],
          refuse: config.get("refuse"),
        });
        console.log("the program says hello");
        exports.twice = thing.twice; exports.password = thing.password;`,
    });
    sandbox.env["LEDGER"] = join(await mkdtemp(join(sandbox.folder, "l-")), "ledger");
    await sandbox.succeed("stack init dev");
    await sandbox.succeed("config set n 2");
    await sandbox.succeed(["config", "set", "--secret", "password", secretText]);
  });
  after(() => sandbox.remove());

  const state = async (): Promise<{ resources: { outputs?: object }[] }> => {
    const { checkpoint } = JSON.parse(await readFile(sandbox.stateFile("dev"), "utf8")) as {
      checkpoint: { latest: { resources: { outputs?: object }[] } };
    };
    return checkpoint.latest;
  };

  it("preview --json is one document in Pulumi's shape", async () => {
    const text = await sandbox.succeed("preview --json");
    assert.equal(text.includes(secretText), false);
    const digest = JSON.parse(text) as {
      config: Record<string, string>;
      steps: { op: string; urn: string; newState: { inputs?: Record<string, unknown> }; detailedDiff: null }[];
      duration: number;
      changeSummary: Record<string, number>;
    };
    assert.equal(digest.config["sample:n"], "2");
    assert.equal(digest.config["sample:password"], "[secret]");
    assert.deepEqual(digest.changeSummary, { create: 2 });
    assert.deepEqual(
      digest.steps.map(({ op, urn }) => `${op} ${urn.split("::").at(-1) ?? ""}`),
      ["create sample-dev", "create thing"],
    );
    assert.equal(digest.steps[1]?.newState.inputs?.["password"], "[secret]");
    assert.ok(digest.duration > 0);
  });

  it("a creation that fails is said, recorded as failed, and does not stop the stack", async () => {
    await sandbox.succeed("config set refuse quota");
    const failed = await sandbox.run("up --yes --skip-preview");
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /Diagnostics:[^]*Resource \(thing\):\n {4}error: .*create refused: quota/);
    assert.match(failed.stdout, /1 errored/);
    await sandbox.succeed("config rm refuse");
    const [record] = await history(sandbox);
    assert.equal(record?.result, "failed");
  });

  it("plain lines tell each step, outputs and counts; secrets are masked", async () => {
    const { code, stdout, stderr } = await sandbox.run(["up", "--yes", "--skip-preview", "-m", "first light"]);
    assert.equal(code, 0, stdout);
    assert.equal(stdout.includes(secretText), false);
    assert.match(stderr, /^Embedded engine /);
    for (const expected of [
      /^Updating \(dev\):$/m,
      /^ \+ {2}pulumi-nodejs:dynamic:Resource thing created \(\d/m,
      /the program says hello/,
      /^ {2}\+ twice {3}: 4$/m,
      /^ {2}\+ password: \[secret\]$/m,
      /^ {4}\+ 1 created$/m,
      /^Duration: \d+s$/m,
    ])
      assert.match(stdout, expected);
  });

  it("the history holds what was done, and the state after it", async () => {
    const record = (await history(sandbox)).at(-1);
    assert.ok(record);
    assert.deepEqual(
      [record.kind, record.message, record.result, record.resourceChanges],
      ["update", "first light", "succeeded", { create: 1, same: 1 }],
    );
    assert.equal(record.config["sample:n"], "2");
    assert.match((record.config["sample:password"] as { secure: string }).secure, /^v1:/);
    const copies = await readdir(join(sandbox.state, ".pulumi", "backups", "sample", "dev"));
    assert.match(copies.at(-1) ?? "", /^dev\.\d{19}\.json$/);
  });

  it("an update without changes leaves the same resources, to the byte of each ciphertext", async () => {
    const before = await state();
    await sandbox.succeed("up --yes --skip-preview --expect-no-changes");
    assert.deepEqual((await state()).resources, before.resources);
  });

  it("--show-secrets shows outputs in the clear", async () => {
    assert.match(
      await sandbox.succeed("up --yes --skip-preview --show-secrets"),
      new RegExp(`password: "${secretText}"`),
    );
  });

  it("--diff shows each property that differs, and no secret", async () => {
    await sandbox.succeed("config set n 5");
    const text = await sandbox.succeed("preview --diff");
    assert.match(text, /^ {4}~ pulumi-nodejs:dynamic:Resource: \(update\)\n {8}\[id=id-thing\]\n/m);
    assert.match(text, /~ n +: 2 => 5/);
    assert.equal(text.includes(secretText), false);
    const changed = await sandbox.run("preview --expect-no-changes");
    assert.equal(changed.code, 7);
    assert.match(changed.stderr, /no changes were expected for preview but changes were proposed/);
  });

  it("up --json is one event a line, and the event log holds the same", async () => {
    const log = join(sandbox.folder, "events");
    const text = await sandbox.succeed(["up", "--yes", "--skip-preview", "--json", "--event-log", log]);
    assert.equal(text.includes(secretText), false);
    assert.equal(text, await readFile(log, "utf8"));
    const events = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      [...events.keys()],
    );
    assert.deepEqual(events.find((event) => "summaryEvent" in event)?.["summaryEvent"], {
      ...(events.find((event) => "summaryEvent" in event)?.["summaryEvent"] as object),
      resourceChanges: { same: 1, update: 1 },
      isPreview: false,
    });
  });

  it("without --skip-preview the preview comes first", async () => {
    await sandbox.succeed("config set n 6");
    const text = await sandbox.succeed("up --yes --suppress-outputs");
    assert.match(text, /Previewing update \(dev\):[^]*~ 1 to update[^]*Updating \(dev\):[^]*~ 1 updated/);
    assert.equal(text.includes("Outputs:"), false);
  });

  it("destroy takes all of it away, and says so", async () => {
    assert.match(await sandbox.succeed("destroy --preview-only"), /Previewing destroy \(dev\):[^]*- 2 to delete/);
    assert.match(await sandbox.succeed("destroy --yes"), /Destroying \(dev\):[^]*- 2 deleted/);
    assert.equal(await sandbox.succeed("stack rm --yes"), "Stack 'dev' has been removed!\n");
  });

  it("a program in another language is refused before anything happens", async () => {
    await sandbox.succeed("stack init dev");
    await writeFile(join(sandbox.work, "Pulumi.yaml"), "name: sample\nruntime: python\n");
    const refused = await sandbox.run("up --yes");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /does not support programs of the runtime 'python'/);
  });
});

interface HistoryRecord {
  readonly kind: string;
  readonly message: string;
  readonly result: string;
  readonly resourceChanges: object;
  readonly config: Record<string, unknown>;
}

async function history(sandbox: Sandbox): Promise<HistoryRecord[]> {
  const folder = join(sandbox.state, ".pulumi", "history", "sample", "dev");
  const files = (await readdir(folder)).filter((name) => name.endsWith(".history.json")).sort();
  return Promise.all(
    files.map(async (name) => JSON.parse(await readFile(join(folder, name), "utf8")) as HistoryRecord),
  );
}
