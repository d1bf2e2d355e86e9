/** Policy packs are processes: none is left behind, however the engine ends. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { exitCodes } from "../../src/backend/errors.ts";
import { processesWith, until } from "../support/processes.ts";
import { ended } from "../support/pulumi.ts";
import { PolicySandbox } from "./support/policy-sandbox.ts";

describe("policy processes", { skip: process.platform !== "linux" && "needs /proc" }, () => {
  let stack: PolicySandbox;
  let asked: string;
  before(async () => {
    stack = await PolicySandbox.create(`new Thing("one", {});`);
    asked = join(stack.sandbox.folder, "asked");
    stack.sandbox.env["ASKED"] = asked;
    // It tells that it was asked, and never answers.
    const neverAnswers = `[{ name: "waits", description: "d", validateResource(args) {
      if (!args.props.ident) return;
      require("node:fs").writeFileSync(process.env.ASKED + "." + process.env.ROUND, "");
      return new Promise(() => setInterval(() => undefined, 1_000));
    } }]`;
    // It does not even look up: a loop in which no signal is heard.
    const neverYields = neverAnswers.replace(
      "return new Promise(() => setInterval(() => undefined, 1_000));",
      "for (;;);",
    );
    await stack.pack("waiting", { policies: neverAnswers });
    await stack.pack("looping", { policies: neverYields });
    await stack.pack("quick", { policies: `[{ name: "quick", description: "d", validateResource() {} }]` });
    await stack.pack("sleepy", {
      before: `require("node:fs").writeFileSync(process.env.ASKED + "." + process.env.ROUND, ""); for (;;);`,
    });
  });
  after(() => stack.remove());

  const left = () => processesWith(`LEDGER=${stack.ledger}`);
  const start = (round: string, pack: string) => {
    stack.sandbox.env["ROUND"] = round;
    return stack.sandbox.start(["up", "--stack", "dev", "--skip-preview", "--policy-pack", pack]);
  };

  it("end with the operation", async () => {
    const outcome = await stack.run("preview", ["--policy-pack", "quick"]);
    assert.equal(outcome.code, 0, outcome.stdout);
    assert.deepEqual(await left(), []);
  });

  it("end when the engine is killed, also where a policy loops for ever", async () => {
    const engine = start("killed", "looping,waiting");
    const done = ended(engine);
    await until("a policy is asked", () => existsSync(`${asked}.killed`));
    engine.kill("SIGKILL");
    await done;
    await until("no process is left", async () => (await left()).length === 0);
  });

  it("do not keep a cancelled operation waiting: Ctrl-C ends it, and nothing is created", async () => {
    const engine = start("cancelled", "looping,waiting");
    const done = ended(engine);
    await until("a policy is asked", () => existsSync(`${asked}.cancelled`));
    engine.kill("SIGINT");
    const { code, stdout } = await done;
    assert.equal(code, exitCodes.cancelled, stdout);
    assert.deepEqual(await left(), []);
    assert.deepEqual(await stack.effects(), []);
  });

  it("that never come alive end with Ctrl-C too", async () => {
    const engine = start("sleepy", "sleepy");
    const done = ended(engine);
    await until("the pack is started", () => existsSync(`${asked}.sleepy`));
    engine.kill("SIGINT");
    assert.equal((await done).code, exitCodes.cancelled);
    assert.deepEqual(await left(), []);
  });
});
