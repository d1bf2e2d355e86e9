import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";
import { converse, skipWithoutTerminal } from "../support/terminal.ts";

describe("on a terminal", { skip: skipWithoutTerminal }, () => {
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

  it("`up` asks after the preview, shows details, and takes no for an answer", async () => {
    const { code, text } = await converse(sandbox, "up", ["details", "perhaps", "no"]);
    assert.equal(code, 1, text);
    assert.match(text, /Type +Name +Plan/);
    assert.match(text, /Do you want to perform this update\?/);
    assert.match(text, /Details of the preview \(dev\):[^]*\+ app:index:Group: \(create\)/);
    assert.match(text, /'perhaps' is none of yes\/no\/details/);
    assert.match(text, /confirmation declined, not proceeding with the update/);
    assert.equal((await sandbox.succeed("stack")).includes("No resources currently in this stack"), true);
  });

  it("`up` goes on with yes, and draws a tree", async () => {
    const { code, text } = await converse(sandbox, "up", ["yes"]);
    assert.equal(code, 0, text);
    assert.match(text, /Type +Name +Status/);
    assert.match(text, /└─ app:index:Group +group +created/);
    assert.match(text, /\+ 2 created/);
  });

  it("`stack rm` wants the stack's name", async () => {
    assert.equal((await converse(sandbox, "destroy", ["yes"])).code, 0);
    assert.equal((await converse(sandbox, "stack rm", ["yes"])).code, 1);
    const { code, text } = await converse(sandbox, "stack rm", ["dev"]);
    assert.equal(code, 0, text);
    assert.match(text, /Stack 'dev' has been removed!/);
  });
});
