import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { installPackages, programOfMachine } from "./debian-packages.ts";

const run = promisify(execFile);

/** Programs, and the Debian packages that have them. */
const PROGRAMS = { unshare: "util-linux", ip: "iproute2", nft: "nftables" } as const;
/** Set in the process that runs in the namespace. */
const INSIDE = "AUTOMATOS_TEST_IN_OWN_NETWORK";
const PATH = `/usr/sbin:/usr/bin:/sbin:/bin:${process.env["PATH"] ?? ""}`;

/**
 * Runs a test file in a network namespace of its own, which has nothing but a loopback device: what is cut there is cut
 * for nobody else, and is whole again when the file has ended, however it ends. Outside, the file is one test that runs
 * it inside and shows what it says.
 *
 * @param file `import.meta.filename` of the test file
 * @param define its tests, which run inside
 */
export async function inOwnNetwork(file: string, define: () => Promise<void>): Promise<void> {
  if (process.env[INSIDE] !== undefined) {
    await define();
    return;
  }
  const skip = await ownNetworkIsMissing();
  describe("in a network of its own", { skip }, () => {
    it("keeps every promise", async (test) => {
      const { code, output } = await runInside(file);
      test.diagnostic(output);
      assert.equal(code, 0, output);
    });
  });
}

async function runInside(file: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const env: NodeJS.ProcessEnv = { ...process.env, PATH, [INSIDE]: "1" };
  delete env["NODE_TEST_CONTEXT"]; // else it would report to this run in a language of machines
  const script = 'ip link set lo up && exec "$@"';
  const node = [process.execPath, "--test", "--test-reporter=spec", file];
  const child = spawn("unshare", ["--net", "sh", "-c", script, "sh", ...node], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, output };
}

/** Every packet between here and `address`:`port` is dropped from now on, until the returned function is called. */
export async function dropPackets(address: string, port: number): Promise<() => Promise<void>> {
  if (process.env[INSIDE] === undefined) throw new Error("packets are dropped in a test's own network alone");
  const rules = `table inet cut {
    chain input { type filter hook input priority 0;
      ip daddr ${address} tcp dport ${port} drop
      ip saddr ${address} tcp sport ${port} drop
    }
  }`;
  await run("nft", [rules], { env: { PATH } });
  return async () => {
    await run("nft", ["delete table inet cut"], { env: { PATH } });
  };
}

/** False where a namespace can be made and cut; else what is missing, as a test's reason to be skipped. */
async function ownNetworkIsMissing(): Promise<string | false> {
  const reason = await findReason();
  // Loud: a suite that says nothing is taken for one that passed.
  if (reason !== false) process.stderr.write(`SKIPPED: tests in a network of their own: ${reason}\n`);
  return reason;
}

async function findReason(): Promise<string | false> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need Linux and root";
  const absent = absentPrograms();
  if (absent.length > 0) await installPackages(absent.map((program) => PROGRAMS[program])).catch(() => undefined);
  const still = absentPrograms();
  if (still.length > 0) return `no ${still.join(", ")} on this machine, nor to be had with apt-get`;
  return run("unshare", ["--net", "nft", "table inet probe {}"], { env: { PATH } }).then(
    () => false,
    (error: unknown) => `the kernel lets no namespace be made or no packet be dropped: ${String(error)}`,
  );
}

const absentPrograms = (): (keyof typeof PROGRAMS)[] =>
  (Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[]).filter((program) => programOfMachine(program) === undefined);
