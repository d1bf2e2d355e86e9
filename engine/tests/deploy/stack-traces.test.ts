import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { StackUnderTest } from "./support/stack-under-test.ts";

describe("stack traces of programs", () => {
  const stack = new StackUnderTest();
  after(() => stack.remove());

  it("tell of the sources of a compiled program, by Node's own mapping", async () => {
    // line 1 of the compiled file is line 11 of the source
    const map = JSON.stringify({ version: 3, sources: ["original.ts"], names: [], mappings: "AAUA" });
    writeFileSync(
      join(stack.folder, "compiled.js"),
      'throw new Error(Object.keys(require.cache).filter((file) => /map-support/.test(file)).join() + " is loaded");\n' +
        `//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString("base64")}\n`,
    );
    const { ok, errors } = await stack.program('require("./compiled.js");').preview();
    assert.equal(ok, false);
    assert.match(errors.join("\n"), /Error: [^,]*source-map-support.register\.js is loaded/);
    assert.match(errors.join("\n"), /original\.ts:11:1/);
  });
});
