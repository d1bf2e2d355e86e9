import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ToolPolicy } from "../../../../contracts/tools.ts";
import { createSandbox } from "../../../../services/sandbox/create-sandbox.ts";
import type { Excerpts } from "../../../../services/sandbox/tools/excerpts.ts";
import { runTool } from "../../../../services/sandbox/tools/registry.ts";
import type { ToolContext } from "../../../../services/sandbox/tools/tool.ts";
import { Playground } from "../support.ts";

describe("search_codebase", () => {
  const playground = new Playground();
  let context: ToolContext;
  let folder: string;
  const write = (path: string, content: string | Uint8Array) => {
    const file = join(folder, path);
    fs.mkdirSync(join(file, ".."), { recursive: true, mode: 0o755 });
    fs.writeFileSync(file, content);
  };
  before(() => {
    const profile = playground.makeWorkspace();
    folder = profile.workspaceDir;
    context = {
      sandbox: createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir }),
      profile,
      signal: new AbortController().signal,
      onOutput: () => undefined,
      log: () => undefined,
    };
    write("repos/shop/src/cart.ts", "one\ntwo\nneedle(1)\nfour\nfive\nsix\nseven\nNEEDLE needle\nnine");
    write("repos/shop/src/cart.py", "needle = 1\n");
    write("repos/shop/.git/config", "[core]\n\tfsmonitor = touch /workspace/ran\n# needle\n");
    write("repos/bin/data", "needle\0needle");
    write("repos/odd/a\nb:1:*?[x]\\.txt", "a needle\n");
    write("artifacts/report.txt", "needle\n");
    write("secret/passwords", "needle\n");
    fs.symlinkSync("/etc", join(folder, "repos/etc"));
    fs.symlinkSync("/etc/passwd", join(folder, "repos/passwd"));
  });
  after(() => playground.remove());

  const run = (input: object, changed: Partial<ToolContext> = {}) =>
    runTool("search_codebase", input, { ...context, ...changed }, ToolPolicy.parse({}));
  const search = async (input: object): Promise<Excerpts> => {
    const { error, output } = await run(input);
    assert.equal(error, null);
    return output as Excerpts;
  };
  const pathsOf = ({ excerpts }: Excerpts) => [...new Set(excerpts.map(({ path }) => path))].sort();

  it("answers path, lines and what is around them, of text files below repos/ alone", async () => {
    const found = await search({ query: "needle", contextLines: 1 });
    assert.deepEqual(pathsOf(found), [
      "repos/odd/a\nb:1:*?[x]\\.txt",
      "repos/shop/src/cart.py",
      "repos/shop/src/cart.ts",
    ]);
    assert.deepEqual(
      found.excerpts.filter(({ path }) => path.endsWith(".ts")),
      [
        { path: "repos/shop/src/cart.ts", startLine: 2, matchingLines: [3], text: "two\nneedle(1)\nfour" },
        { path: "repos/shop/src/cart.ts", startLine: 7, matchingLines: [8], text: "seven\nNEEDLE needle\nnine" },
      ],
    );
    assert.equal(found.truncated, false);
    assert.equal(fs.existsSync(join(folder, "ran")), false);
  });

  it("takes text as text, and expressions where they are asked for", async () => {
    assert.deepEqual(pathsOf(await search({ query: "needle(1)" })), ["repos/shop/src/cart.ts"]);
    assert.deepEqual(pathsOf(await search({ query: "needle\\(\\d\\)", regex: true })), ["repos/shop/src/cart.ts"]);
    assert.deepEqual(pathsOf(await search({ query: "^seven$", regex: true, contextLines: 0 })), [
      "repos/shop/src/cart.ts",
    ]);
    assert.equal((await search({ query: "nEEdle", contextLines: 0 })).excerpts.length, 0);
    assert.equal((await search({ query: "nEEdle", caseSensitive: false })).excerpts.length > 0, true);
    assert.equal((await run({ query: "(", regex: true })).error?.code, "INVALID_PATTERN");
    assert.equal((await run({ query: "a\nb" })).error?.code, "INVALID_TOOL_INPUT");
  });

  it("keeps to a folder, a file and patterns, whatever characters are in them", async () => {
    assert.deepEqual(pathsOf(await search({ query: "needle", include: ["*.py", "nothing/*"] })), [
      "repos/shop/src/cart.py",
    ]);
    assert.deepEqual(pathsOf(await search({ query: "needle", path: "repos/shop", include: ["src/*.ts"] })), [
      "repos/shop/src/cart.ts",
    ]);
    assert.deepEqual(pathsOf(await search({ query: "needle", path: "repos/shop/src/cart.py" })), [
      "repos/shop/src/cart.py",
    ]);
    const odd = "repos/odd/a\nb:1:*?[x]\\.txt";
    assert.deepEqual(pathsOf(await search({ query: "needle", path: odd })), [odd]);
    assert.ok(pathsOf(await search({ query: "needle", path: "." })).includes("secret/passwords"));
    assert.equal((await run({ query: "x", path: "repos/none" })).error?.code, "FILE_NOT_FOUND");
  });

  it("leaves out what is ignored, unless asked for", async () => {
    write("repos/lib/.gitignore", "node_modules/\n*.log\n");
    write("repos/lib/node_modules/x/index.js", "needle");
    write("repos/lib/build.log", "needle");
    write("repos/lib/index.js", "needle");
    assert.deepEqual(pathsOf(await search({ query: "needle", path: "repos/lib" })), ["repos/lib/index.js"]);
    assert.equal(pathsOf(await search({ query: "needle", path: "repos/lib", includeIgnored: true })).length, 3);
    assert.equal(pathsOf(await search({ query: "needle", path: "repos/lib", include: ["*.js"] })).length, 1);
    fs.rmSync(join(folder, "repos/lib"), { recursive: true });
  });

  it("stops at the limits and says so", async () => {
    write("repos/long/lines.txt", `${"x".repeat(3_000_000)}needle\n${"needle\n".repeat(500)}`);
    const few = await search({ query: "needle", path: "repos/long", maxResults: 3 });
    assert.equal(few.truncated, true);
    assert.equal(few.excerpts.flatMap(({ matchingLines }) => matchingLines).length, 3);
    assert.ok(few.excerpts.every(({ text }) => text.length < 5_000));
    const exact = await search({ query: "needle(1)", maxResults: 1 });
    assert.equal(exact.truncated, false);
    write("repos/wide/lines.txt", `${"needle".repeat(80)}\n`.repeat(2_000));
    const wide = await search({ query: "needle", path: "repos/wide", maxResults: 1_000 });
    assert.equal(wide.truncated, true);
    assert.ok(JSON.stringify(wide).length < 400_000);
  });

  it("lets no link, path, option or pattern lead out", async () => {
    assert.equal((await search({ query: "root:" })).excerpts.length, 0);
    for (const path of ["repos/etc", "repos/passwd"]) {
      assert.equal((await search({ query: "root:", path })).excerpts.length, 0, path);
    }
    assert.equal((await run({ query: "root", path: "repos/etc/passwd" })).ok, false);
    for (const path of ["../..", "/etc", "repos/../../x", "a\0b"])
      assert.equal((await run({ query: "x", path })).ok, false);
    for (const query of ["--open-files-in-pager=touch /workspace/ran", "-O", "-f/etc/passwd", "--ext-grep"]) {
      assert.equal((await search({ query })).excerpts.length, 0);
    }
    assert.equal((await run({ query: "x", include: ["../../../etc/*"] })).error?.code, "INVALID_TOOL_INPUT");
    for (const include of [":(top)/etc/passwd", "/etc/passwd", "--cached", ":!x", ":(exclude)*"]) {
      assert.equal((await search({ query: "root:", include: [include] })).excerpts.length, 0, include);
    }
    assert.equal(fs.existsSync(join(folder, "ran")), false);
  });

  it("stops with the task, and an expression that never ends is stopped by its own limit", async () => {
    write("repos/slow/a.txt", `${"a".repeat(60)}!\n`.repeat(20));
    const { error, ok } = await run({ query: "^(a+)+$", regex: true, path: "repos/slow" });
    assert.ok(ok || error?.code === "INVALID_PATTERN", error?.message);
    const stopped = AbortSignal.abort("cancelled");
    assert.equal((await run({ query: "needle" }, { signal: stopped })).error?.code, "COMMAND_CANCELLED");
  });
});
