import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { requireProject } from "../../src/backend/project.ts";
import { StackSettings } from "../../src/backend/stack-settings.ts";

const written = `# what this stack is for
config:
  # how many
  app:count: "1" # not more
  app:limits:
    # the small one
    starter: 1 # for now
    pro: 3 # later 5
  other:name: x # in use
`;

describe("Pulumi.<stack>.yaml", () => {
  let folder: string;
  const file = (): string => join(folder, "Pulumi.dev.yaml");
  const load = async (): Promise<StackSettings> => StackSettings.load(await requireProject(folder), "dev");

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "settings-"));
    await writeFile(join(folder, "Pulumi.yaml"), "name: app\nruntime: nodejs\n");
    await writeFile(file(), written);
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("keeps its comments and the order of its keys when values are set and removed", async () => {
    const settings = await load();
    settings.set("app:count", [], "2");
    settings.set("app:limits", ["pro"], 5);
    settings.set("app:limits", ["enterprise", "nested"], 10);
    settings.remove("other:name", []);
    settings.setEncryptionSalt("v1:salt");
    await settings.save();
    assert.equal(
      await readFile(file(), "utf8"),
      `# what this stack is for
config:
  # how many
  app:count: "2" # not more
  app:limits:
    # the small one
    starter: 1 # for now
    pro: 5 # later 5
    enterprise:
      nested: 10
encryptionsalt: v1:salt
`,
    );
  });

  it("reads what it wrote", async () => {
    const settings = await load();
    settings.set("app:list", [0], true);
    settings.set("app:list", [1], { secure: "v1:a:b" });
    settings.set("app:text", [], "5");
    await settings.save();
    const config = (await load()).config();
    assert.deepEqual(config.get("app:list"), [true, { secure: "v1:a:b" }]);
    assert.equal(config.get("app:text"), "5");
  });

  it("is made when there is none, and only when there is something to say", async () => {
    await rm(file());
    await (await load()).save();
    await assert.rejects(readFile(file()), { code: "ENOENT" });
    const settings = await load();
    settings.set("app:a", [], "b");
    await settings.save();
    assert.equal(await readFile(file(), "utf8"), "config:\n  app:a: b\n");
  });

  for (const [what, text] of [
    ["a secrets provider that is not built in", "secretsprovider: awskms://alias/key\n"],
    ["an environment of Pulumi ESC", "environment:\n  - prod\n"],
  ] as const)
    it(`refuses ${what}`, async () => {
      await writeFile(file(), text);
      await assert.rejects(load(), { code: "UNSUPPORTED" });
    });

  it("names itself when it is no YAML", async () => {
    await writeFile(file(), "config: [\n");
    await assert.rejects(load(), { code: "PROJECT_INVALID", message: /Pulumi\.dev\.yaml/ });
  });
});
