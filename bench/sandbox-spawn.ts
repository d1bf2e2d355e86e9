/**
 * What the sandbox adds to a bare spawn of `/bin/true`, with and without the way to the gateway, measured in turns in
 * one run: `node bench/sandbox-spawn.ts [rounds]`. Aim: below 15 ms added.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSandbox } from "../services/sandbox/create-sandbox.ts";
import type { SandboxProfile } from "../services/sandbox/sandbox.ts";

const rounds = Number(process.argv[2] ?? 100);
const folder = mkdtempSync(join(tmpdir(), "sandbox-bench-"));
const workspaceDir = join(folder, "workspace");
const uid = 200_001;
mkdirSync(workspaceDir, { mode: 0o700 });
if (process.getuid?.() === 0) chownSync(workspaceDir, uid, uid);
const socketPath = join(folder, "gateway.sock");
const gateway = createServer((socket) => socket.end()).listen(socketPath);
await once(gateway, "listening");
chmodSync(socketPath, 0o666);

const sandbox = createSandbox("bubblewrap", { runtimeDir: join(folder, "runtime") });
const profile: SandboxProfile = {
  workspaceDir,
  uid,
  limits: { cpuMillicores: 2_000, memoryMb: 512, maxProcesses: 100, maxFileBytes: 1024 ** 3 },
  gateway: undefined,
  environment: {},
};
const sandboxed = (way: SandboxProfile["gateway"]) => () =>
  sandbox.run(
    { ...profile, gateway: way },
    {
      argv: ["/bin/true"],
      cwd: ".",
      environment: {},
      timeoutMs: 60_000,
      signal: new AbortController().signal,
      onOutput: () => undefined,
    },
  );
const bare = () => once(spawn("/bin/true", { env: {}, stdio: ["pipe", "pipe", "pipe"] }), "close");

const variants = {
  "bare spawn": bare,
  "sandboxed, no network": sandboxed(undefined),
  "sandboxed, gateway": sandboxed({ socketPath, token: "bench" }),
};
const times = Object.fromEntries(Object.keys(variants).map((name) => [name, [] as number[]]));
for (let round = -5; round < rounds; round++) {
  for (const [name, action] of Object.entries(variants)) {
    const startedAt = performance.now();
    await action();
    if (round >= 0) times[name]?.push(performance.now() - startedAt); // the first rounds warm up
  }
}
gateway.close();
rmSync(folder, { recursive: true });

const quantile = (values: readonly number[], part: number) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? NaN;
const bareP50 = quantile(times["bare spawn"] ?? [], 0.5);
console.log(`limits by ${sandbox.status.limitedBy}, ${rounds} rounds`);
for (const [name, values] of Object.entries(times)) {
  const p50 = quantile(values, 0.5);
  console.log(
    `${name.padEnd(22)} p50 ${p50.toFixed(1)} ms  p95 ${quantile(values, 0.95).toFixed(1)} ms  ` +
      `added ${(p50 - bareP50).toFixed(1)} ms  ratio ${(p50 / bareP50).toFixed(1)}`,
  );
}
