import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { freePorts } from "../../support/ports.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skip = isRoot ? false : "needs root on Linux: it takes on other users and gives up capabilities";
const NOBODY = 65_534;

/** Makes a server, prints the status of its process, and stops it. */
const PROGRAM = `
const { postgresProvider } = await import(${JSON.stringify(path.join(ROOT, "components/local/postgres-provider.ts"))});
const { readFileSync } = await import("node:fs");
const [dir, port] = process.argv.slice(1);
const provider = postgresProvider(dir);
try {
  const { outs } = await provider.create({ port: Number(port), portKey: "ports.postgres", ownerPassword: "a", gatewayPassword: "b" });
  console.log(readFileSync(\`/proc/\${outs.pid}/status\`, "utf8"));
  await provider.delete("postgres", outs);
} catch (error) {
  console.log("refused:", error.message);
}
`;

describe("who runs PostgreSQL", { skip }, () => {
  let parent: string;
  let project: string;

  beforeEach(() => {
    parent = mkdtempSync(path.join(tmpdir(), "automatos-user-"));
    project = path.join(parent, "project");
    mkdirSync(project);
  });
  afterEach(() => {
    rmSync(parent, { recursive: true });
  });

  const runAs = async (...setpriv: readonly string[]): Promise<string> => {
    const [port = 0] = await freePorts(1);
    const command = [
      "setpriv",
      ...setpriv,
      process.execPath,
      "--input-type=module",
      "--eval",
      PROGRAM,
      project,
      String(port),
    ];
    const { stdout, stderr, status } = spawnSync(command[0] ?? "", command.slice(1), { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const withoutMounts = ["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];

  it("is a user of its own for root, in a folder that nobody else can enter", async () => {
    chmodSync(parent, 0o700);
    const status = await runAs("--keep-groups");
    assert.match(status, /^Uid:\t(199000|64990)\t/m);
    assert.match(status, /^CapBnd:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
  });

  it("is an existing user for root where no mount namespace is permitted, in a folder that others may enter", async () => {
    chmodSync(parent, 0o755);
    const status = await runAs(...withoutMounts);
    assert.match(status, /^Uid:\t(?!0\t)\d+\t/m);
    assert.match(status, /^CapEff:\t0+$/m);
  });

  it("is nobody where neither is possible: the error names the folder and the ways out", async () => {
    chmodSync(parent, 0o700);
    const refused = await runAs(...withoutMounts);
    assert.match(refused, new RegExp(`refused: .*other users cannot enter ${parent}; run it as a normal user`));
  });

  it("is oneself for a user who is not root", async () => {
    chmodSync(parent, 0o755);
    chownSync(project, NOBODY, NOBODY);
    chmodSync(project, 0o700);
    const status = await runAs(`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups");
    assert.match(status, new RegExp(`^Uid:\t${NOBODY}\t`, "m"));
  });
});
