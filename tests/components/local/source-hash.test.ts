import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { sourceHash } from "../../../components/local/source-hash.ts";

describe("the hash of a service's source", () => {
  let dir: string;
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  };
  const hash = () => sourceHash(dir, "services/api/main.ts");

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "automatos-source-"));
    write("package-lock.json", "{}");
    write("services/api/main.ts", 'import { run } from "../runtime/run.ts";\nimport "node:fs";\nrun();');
    write("services/api/routes/tasks.ts", "export const routes = 1;");
    write("services/runtime/run.ts", 'export { word } from "../../contracts/words.ts";\nexport const run = () => {};');
    write("services/runtime/migrations/0001.sql", "SELECT 1;");
    write("services/worker/main.ts", "");
    write("contracts/words.ts", "export const word = 1;");
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });

  it("is the same for the same source", () => {
    assert.equal(hash(), hash());
  });

  for (const file of [
    "services/api/main.ts",
    "services/api/routes/tasks.ts",
    "services/runtime/migrations/0001.sql",
    "contracts/words.ts",
    "package-lock.json",
  ]) {
    it(`changes with ${file}`, () => {
      const before = hash();
      write(file, "// edited");
      assert.notEqual(hash(), before);
    });
  }

  it("changes with a file that is added", () => {
    const before = hash();
    write("services/api/routes/new.ts", "");
    assert.notEqual(hash(), before);
  });

  it("does not change with a service that it does not use", () => {
    const before = hash();
    write("services/worker/main.ts", "// edited");
    assert.equal(hash(), before);
  });
});
