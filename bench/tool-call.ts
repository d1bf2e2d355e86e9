/**
 * A tool call over HTTP (client -> API -> worker -> sandbox) against the same sandbox without any of it, both with the
 * way to the gateway, in turns in one run: `node bench/tool-call.ts [rounds]`. Aim: below 1.5 times. Reading a small file
 * over HTTP beside it.
 */
import { mkdirSync, mkdtempSync, rmSync, chownSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSandbox } from "../services/sandbox/create-sandbox.ts";
import { startPlatform } from "../tests/support/platform.ts";

const rounds = Number(process.argv[2] ?? 100);
const platform = await startPlatform();
const workspaceId = await platform.createWorkspace();
const folder = mkdtempSync(join(tmpdir(), "tool-call-bench-"));
const workspaceDir = join(folder, "workspace");
const uid = 210_001;
mkdirSync(workspaceDir, { mode: 0o700 });
if (process.getuid?.() === 0) chownSync(workspaceDir, uid, uid);
const sandbox = createSandbox("bubblewrap", { runtimeDir: join(folder, "runtime") });

const bare = () =>
  sandbox.run(
    {
      workspaceDir,
      uid,
      limits: { cpuMillicores: 500, memoryMb: 512, maxProcesses: 512, maxFileBytes: 1024 ** 3 },
      gateway: { socketPath: join(platform.directory, "gateway.sock"), token: "bench" },
      environment: {},
    },
    {
      argv: ["true"],
      cwd: ".",
      environment: {},
      timeoutMs: 60_000,
      signal: new AbortController().signal,
      onOutput: () => undefined,
    },
  );
const route = `/api/workspaces/${workspaceId}`;
await platform.request("POST", `${route}/tools/write_file`, { input: { path: "small.txt", content: "small" } });
const variants = {
  "bare sandbox": bare,
  "exec over HTTP": () => platform.request("POST", `${route}/exec`, { argv: ["true"] }),
  "read_file over HTTP": () => platform.request("POST", `${route}/tools/read_file`, { input: { path: "small.txt" } }),
};
const times = Object.fromEntries(Object.keys(variants).map((name) => [name, [] as number[]]));
for (let round = -20; round < rounds; round++) {
  for (const [name, action] of Object.entries(variants)) {
    const startedAt = performance.now();
    await action();
    if (round >= 0) times[name]?.push(performance.now() - startedAt); // the first rounds warm up
  }
}
await platform.stop();
rmSync(folder, { recursive: true });

const quantile = (values: readonly number[], part: number) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? NaN;
const base = quantile(times["bare sandbox"] ?? [], 0.5);
for (const [name, values] of Object.entries(times)) {
  const p50 = quantile(values, 0.5);
  console.log(
    `${name.padEnd(20)} p50 ${p50.toFixed(1)} ms  p95 ${quantile(values, 0.95).toFixed(1)} ms  ` +
      `added ${(p50 - base).toFixed(1)} ms  ratio ${(p50 / base).toFixed(2)}`,
  );
}
