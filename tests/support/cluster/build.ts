/**
 * Builds the cluster's one binary (Kubernetes 1.34 from Go modules) into `.automatos/cluster/bin`, once.
 * `node tests/support/cluster/build.ts` does it ahead of the tests: 14 minutes of one core from nothing, nothing after.
 */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { BINARY_SOURCE, CLUSTER_DIR, KUBE_BINARY, KUBECTL } from "./paths.ts";
import { programOfMachine } from "../debian-packages.ts";
import { satisfyRequirements } from "./requirements.ts";

const run = promisify(execFile);

/** Of the module k8s.io/kubernetes in go.mod: what the API server calls itself. */
const VERSION = "v1.34.4";
const VERSION_PACKAGE = "k8s.io/component-base/version";
const LINKER_FLAGS =
  `-s -w -X ${VERSION_PACKAGE}.gitVersion=${VERSION} ` +
  `-X ${VERSION_PACKAGE}.gitMajor=1 -X ${VERSION_PACKAGE}.gitMinor=34`;

/** @throws when it cannot be built, with what the Go toolchain said */
export async function buildClusterBinary(): Promise<void> {
  const stamp = await sourceHash();
  if (await isBuilt(stamp)) return;
  await mkdir(path.dirname(KUBE_BINARY), { recursive: true });
  process.stderr.write("test cluster: building Kubernetes from Go modules (minutes when nothing is cached) ...\n");
  await goBuild();
  await rename(`${KUBE_BINARY}.new`, KUBE_BINARY);
  await rm(KUBECTL, { force: true });
  await symlink(path.basename(KUBE_BINARY), KUBECTL);
  await writeFile(`${KUBE_BINARY}.stamp`, stamp);
}

async function isBuilt(stamp: string): Promise<boolean> {
  const found = await readFile(`${KUBE_BINARY}.stamp`, "utf8").catch(() => "");
  return found === stamp && existsSync(KUBE_BINARY) && existsSync(KUBECTL);
}

async function sourceHash(): Promise<string> {
  const hash = createHash("sha256").update(LINKER_FLAGS);
  for (const file of ["go.mod", "go.sum", "main.go"]) hash.update(await readFile(path.join(BINARY_SOURCE, file)));
  return hash.digest("hex");
}

/** One build at a time on a checkout: a second one waits, and then finds all of it in Go's cache. */
async function goBuild(): Promise<void> {
  const lock = path.join(CLUSTER_DIR, "build.lock");
  const build = ["go", "build", "-trimpath", "-ldflags", LINKER_FLAGS, "-o", `${KUBE_BINARY}.new`, "."];
  const child = spawn("flock", [lock, "nice", "-n", "10", ...build], {
    cwd: BINARY_SOURCE,
    env: { ...(await goEnvironment()), CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => (words = (words + chunk.toString()).slice(-8_192)));
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`the test cluster's binary could not be built (go build, exit ${code}):\n${words}`);
}

/** Go's caches are below the home folder; where there is none, they are the checkout's. */
async function goEnvironment(): Promise<NodeJS.ProcessEnv> {
  const go = path.dirname(programOfMachine("go") ?? "go");
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}${path.delimiter}${go}` };
  const hasCaches = await run("go", ["env", "GOCACHE", "GOMODCACHE"], { cwd: BINARY_SOURCE, env }).then(
    ({ stdout }) =>
      stdout
        .trim()
        .split("\n")
        .filter((folder) => path.isAbsolute(folder)).length === 2,
    () => false,
  );
  if (hasCaches) return env;
  return { ...env, GOPATH: path.join(CLUSTER_DIR, "go"), GOCACHE: path.join(CLUSTER_DIR, "go-build") };
}

if (import.meta.main) {
  const missing = await satisfyRequirements();
  if (missing.length > 0) process.stderr.write(`test cluster: not built: ${missing.join("; ")}\n`);
  else await buildClusterBinary();
}
