import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { command, Sandbox } from "../support/pulumi.ts";

/** util-linux's `script` gives a command a terminal. */
const script = spawnSync("script", ["--version"], { encoding: "utf8" });
const isThere = script.status === 0 && script.stdout.includes("util-linux");

const skip = isThere ? false : "`script` of util-linux is missing: nothing gives the command a terminal";

describe("on a terminal", { skip }, () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create({
      program: `const pulumi = require("@pulumi/pulumi");
        class Group extends pulumi.ComponentResource { constructor(name) { super("app:index:Group", name); } }
        new Group("group");`,
    });
    await sandbox.succeed("stack init dev");
  });
  after(() => sandbox.remove());

  /** Runs a command that asks; gives each answer when its question has come. */
  function converse(args: string, answers: readonly string[]): Promise<{ code: number | null; text: string }> {
    const line = `${process.execPath} ${command} ${args}`;
    const child = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
      cwd: sandbox.work,
      env: { ...sandbox.env, CI: "", GITHUB_ACTIONS: "", TERM: "xterm" },
    });
    let text = "";
    let answered = 0;
    child.stdout.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      const asked = text.split(/default no\] |typing `dev`: /).length - 1;
      while (answered < asked && answered < answers.length) child.stdin.write(`${answers[answered++] ?? ""}\n`);
    });
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, text }));
    });
  }

  it("`up` asks after the preview, shows details, and takes no for an answer", async () => {
    const { code, text } = await converse("up", ["details", "perhaps", "no"]);
    assert.equal(code, 1, text);
    assert.match(text, /Type +Name +Plan/);
    assert.match(text, /Do you want to perform this update\?/);
    assert.match(text, /Details of the preview \(dev\):[^]*\+ app:index:Group: \(create\)/);
    assert.match(text, /'perhaps' is none of yes\/no\/details/);
    assert.match(text, /confirmation declined, not proceeding with the update/);
    assert.equal((await sandbox.succeed("stack")).includes("No resources currently in this stack"), true);
  });

  it("`up` goes on with yes, and draws a tree", async () => {
    const { code, text } = await converse("up", ["yes"]);
    assert.equal(code, 0, text);
    assert.match(text, /Type +Name +Status/);
    assert.match(text, /└─ app:index:Group +group +created/);
    assert.match(text, /\+ 2 created/);
  });

  it("`stack rm` wants the stack's name", async () => {
    assert.equal((await converse("destroy", ["yes"])).code, 0);
    assert.equal((await converse("stack rm", ["yes"])).code, 1);
    const { code, text } = await converse("stack rm", ["dev"]);
    assert.equal(code, 0, text);
    assert.match(text, /Stack 'dev' has been removed!/);
  });
});
