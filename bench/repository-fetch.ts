/**
 * The second use of a repository (fetch what is new, check it out) against a fresh clone of it: 256 MB of files as
 * large as source files are, a third of them history, over git's HTTP backend, through the real gateway and the real
 * sandbox, all on one machine: over a real network a clone takes longer still.
 *
 *     node bench/repository-fetch.ts [megabytes]
 */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import type { Writable } from "node:stream";
import {
  hostGit,
  startRepositoriesWorld,
  type RepositoriesWorld,
} from "../tests/services/workspace/repositories-support.ts";

const megabytes = Number(process.argv[2] ?? "256");
const FILE_BYTES = 12 * 1024;
/** Text of random letters: what is left of it when git has compressed it. */
const COMPRESSED_SHARE = 0.76;
const REPEATS = 3;

/** A commit of many files, and one more that replaces half of them. */
async function fill(bareRepository: string): Promise<void> {
  const importer = spawn("git", ["-c", "safe.directory=*", "fast-import", "--quiet", "--force"], {
    cwd: bareRepository,
    stdio: ["pipe", "inherit", "inherit"],
  });
  const files = Math.ceil((megabytes * 1024 ** 2 * 2) / 3 / (FILE_BYTES * COMPRESSED_SHARE));
  await writeCommit(importer.stdin, files, "");
  await writeCommit(importer.stdin, Math.floor(files / 2), "from refs/heads/main^0\n");
  importer.stdin.end();
  const [code] = (await once(importer, "close")) as [number];
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
}

async function writeCommit(to: Writable, files: number, from: string): Promise<void> {
  to.write(`commit refs/heads/main\ncommitter bench <bench@example.test> 1700000000 +0000\ndata 4\nmany\n${from}`);
  for (let index = 0; index < files; index += 1) {
    to.write(`M 100644 inline src/${index % 200}/${index}.txt\ndata ${FILE_BYTES}\n`);
    to.write(randomBytes((FILE_BYTES * 3) / 4).toString("base64"));
    if (!to.write("\n")) await once(to, "drain");
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** git alone, in the sandbox and through the gateway, with options of its own. */
async function bareClone(world: RepositoriesWorld, ...options: string[]): Promise<number> {
  const name = `bench-${randomUUID()}`;
  const milliseconds = await timed(async () => {
    const exit = await world.sandbox.run(world.profile, {
      argv: ["git", "clone", "--quiet", ...options, world.url, name],
      cwd: ".",
      environment: {},
      timeoutMs: 600_000,
      signal: new AbortController().signal,
      onOutput: (_stream, text) => void process.stderr.write(text),
    });
    if (exit.exitCode !== 0) throw new Error("git clone failed");
  });
  await world.sandbox.run(world.profile, {
    argv: ["rm", "-rf", name],
    cwd: ".",
    environment: {},
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    onOutput: () => undefined,
  });
  return milliseconds;
}

await using world = await startRepositoriesWorld();
await fill(join(world.upstream, "../remotes/shop.git"));
const packed = await hostGit(join(world.upstream, "../remotes/shop.git"), "count-objects", "-v", "-H");
console.log(`repository: ${/size-pack: (.*)/.exec(packed)?.[1] ?? "?"}`);
await hostGit(world.upstream, "fetch", "--quiet", "--depth=1", "origin", "main");
await hostGit(world.upstream, "reset", "--quiet", "--hard", "FETCH_HEAD");

const clones: number[] = [];
for (let repeat = 0; repeat < REPEATS; repeat += 1) {
  if (repeat > 0) await world.repositories.drop(world.workspaceId, "shop");
  clones.push(await timed(() => world.ensure()));
}
const fetches: number[] = [];
for (let repeat = 0; repeat < REPEATS * 3; repeat += 1) {
  await world.push("README.md", `change ${repeat}\n`);
  fetches.push(await timed(() => world.ensure()));
}
const unchanged: number[] = [];
for (let repeat = 0; repeat < REPEATS * 3; repeat += 1) unchanged.push(await timed(() => world.ensure()));
const partial: number[] = [];
for (let repeat = 0; repeat < REPEATS; repeat += 1) partial.push(await bareClone(world, "--filter=blob:none"));

const line = (what: string, milliseconds: number) => console.log(`${what.padEnd(44)} ${milliseconds.toFixed(0)} ms`);
line("fresh clone", median(clones));
line("second use, one new commit", median(fetches));
line("second use, nothing new", median(unchanged));
line("git clone --filter=blob:none, for comparison", median(partial));
console.log(`ratio clone / second use: ${(median(clones) / median(fetches)).toFixed(1)} (aim: 20)`);
