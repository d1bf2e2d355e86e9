import assert from "node:assert/strict";
import { chmod, chown, lstat, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { ContainerCreateOptions } from "dockerode";
import { WORKER_NODE_FLAGS } from "../../components/local/node-flags.ts";
import { workerSecurity } from "../../components/images/worker-security.ts";
import { builderSession } from "../support/docker/builder-session.ts";
import { dockerIsMissing } from "../support/docker/daemon.ts";
import { debianIsMissing } from "../support/docker/debian-image.ts";
import { runContainer, workerHost } from "../support/docker/run-container.ts";
import { buildServiceImage } from "../support/docker/service-images.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** The sandbox's own tests: hostile commands, the contract, the filter. */
const SANDBOX_TESTS = ["hostile", "bubblewrap-sandbox", "seccomp"].map(
  (name) => `tests/services/sandbox/${name}.test.ts`,
);
const VERSION_ARGUMENT: Readonly<Record<string, string>> = { zip: "-v", unzip: "-v", isort: "--version-number" };
const TOOLS = [
  ...["python3", "python", "pip", "pip3", "git", "node", "npm", "npx", "pnpm", "yarn", "pytest", "ruff", "black"],
  ...["mypy", "isort", "flake8", "uv", "vitest", "jest", "tsc", "eslint", "prettier", "cc", "c++", "make", "jq"],
  ...["tree", "curl", "wget", "zip", "unzip", "patch"],
];

const withWorkspaces = { ...workerHost(ROOT).Tmpfs, "/workspaces": "uid=1000,gid=1000,mode=0711,exec" };

describe("the worker's container", { skip: (await dockerIsMissing()) || (await debianIsMissing()) }, () => {
  const builder = builderSession();
  let image: string;
  let folder: string;
  before(async () => {
    image = await buildServiceImage(builder(), { service: "worker", toolchain: "whole" });
    folder = await mkdtemp(path.join(tmpdir(), "worker-image-"));
    await chmod(folder, 0o755);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const run = (options: ContainerCreateOptions) => runContainer(builder(), { Image: image, ...options });
  const asWorker = (HostConfig: ContainerCreateOptions["HostConfig"], Cmd: string[]) =>
    run({ User: workerSecurity.user, Cmd, HostConfig: { ...workerHost(ROOT), ...HostConfig } });
  const probe = async (script: string, HostConfig: ContainerCreateOptions["HostConfig"] = {}) => {
    const program = path.join(ROOT, "tests/images/sandbox-probe.ts");
    const Binds = [`${program}:/probe.ts:ro`];
    const { output } = await asWorker({ Binds, Tmpfs: withWorkspaces, ...HostConfig }, ["node", "/probe.ts", script]);
    return JSON.parse(output) as { limitedBy: string; exit: Record<string, unknown>; output: string };
  };

  it("holds hostile commands, as the sandbox's own tests have them, without a capability", async () => {
    const { exitCode, output } = await asWorker({ Binds: [`${ROOT}:/project:ro`], Tmpfs: withWorkspaces }, [
      ...["sh", "-c", 'cd /project && exec node --test --test-concurrency=1 --test-reporter=tap "$@"', "sh"],
      ...SANDBOX_TESTS,
    ]);
    assert.equal(
      exitCode,
      0,
      output
        .split("\n")
        .filter((line) => /^\s*not ok|error:|actual:/.test(line))
        .join("\n"),
    );
    assert.ok(Number(/^# pass (\d+)$/m.exec(output)?.[1]) > 100, "they ran");
  });

  it("has every tool in a sandbox, of which each tells its version", async () => {
    const script = TOOLS.map((tool) => {
      const command = `${tool} ${VERSION_ARGUMENT[tool] ?? "--version"}`;
      return `${command} >/tmp/said 2>&1 || { echo "${tool}: $(head -n 3 /tmp/said)"; }`;
    }).join("\n");
    const { exit, output, limitedBy } = await probe(`id -u; ${script}\nnode -p process.version`);
    assert.match(output, /^1000\nv24\.\d+\.\d+\n$/);
    assert.equal(exit["exitCode"], 0);
    assert.equal(limitedBy, "rlimits");
  });

  it("makes no sandbox without its filter, nor with a /proc that is covered in part", async () => {
    const covered = await probe("true", { MaskedPaths: ["/proc/kcore"], ReadonlyPaths: ["/proc/sys"] });
    assert.match(JSON.stringify(covered.exit), /Can't mount proc/);
    const filtered = await probe("true", { SecurityOpt: ["no-new-privileges:true", "apparmor=unconfined"] });
    assert.match(JSON.stringify(filtered.exit), /No permissions to create new namespace/);
  });

  it("gives a volume of root's to uid 1000, of which it touches the mount point alone", async () => {
    const volume = path.join(folder, "volume");
    for (let at = 0; at < 50; at++) {
      await mkdir(path.join(volume, `folder-${at}`), { recursive: true });
      await Promise.all(
        Array.from({ length: 60 }, (_, file) => writeFile(path.join(volume, `folder-${at}`, `file-${file}`), "")),
      );
    }
    const files = Array.from({ length: 3_000 }, (_, at) => `folder-${at % 50}/file-${at % 60}`);
    const look = async () => {
      const all = await Promise.all(files.map((file) => lstat(path.join(volume, file), { bigint: true })));
      return all.map(({ uid, ctimeNs }) => `${uid} ${ctimeNs}`);
    };
    const untouched = await look();
    const host = {
      ...workerHost(ROOT),
      CapAdd: [...workerSecurity.capAddForRootStart],
      Binds: [`${volume}:/workspaces`],
    };
    const { exitCode, output } = await run({ HostConfig: host, Cmd: ["cat", "/proc/1/status"] });
    assert.equal(exitCode, 0, output);
    assert.match(output, /^Name:\tcat$/m, "the command has taken the entrypoint's place: signals reach it");
    assert.match(output, /^Uid:\t1000\t1000\t1000\t1000$/m);
    assert.match(output, /^Gid:\t1000\t1000\t1000\t1000$/m);
    assert.match(output, /^Groups:\t?\s*$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      assert.match(output, new RegExp(`^${set}:\\t0+$`, "m"));
    }
    assert.match(output, /^NoNewPrivs:\t1$/m);
    assert.equal((await lstat(volume)).uid, 1_000);
    assert.deepEqual(await look(), untouched);
  });

  it("ends with a clear line where it cannot write", async () => {
    const volume = path.join(folder, "not-ours");
    await mkdir(volume);
    await chown(volume, 12_345, 12_345);
    const { exitCode, output } = await asWorker({ Binds: [`${volume}:/workspaces`] }, ["true"]);
    assert.equal(exitCode, 78);
    assert.match(output, /worker: \/workspaces belongs to 12345:12345 and uid 1000 cannot write to it/);
  });

  it("runs Node as a worker of the local phase does", async () => {
    const { Config } = await builder().docker.getImage(image).inspect();
    assert.deepEqual(Config.Cmd, ["node", ...WORKER_NODE_FLAGS, "services/worker/main.ts"]);
  });
});
