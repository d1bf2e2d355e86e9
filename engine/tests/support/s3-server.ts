/**
 * An S3-compatible server for the tests: the Versity S3 Gateway over a folder, built from its Go module on demand and
 * kept in .automatos/tools. Run as a program, this file does nothing but that build.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const gateway = { module: "github.com/versity/versitygw/cmd/versitygw", version: "v1.8.0" };
const tools = fileURLToPath(new URL("../../../.automatos/tools", import.meta.url));
const binary = join(tools, `versitygw-${gateway.version}`);

/** Why there can be no server here; undefined where there can. */
export function missingForS3Server(): string | undefined {
  if (existsSync(binary)) return undefined;
  const { status } = spawnSync("go", ["version"], { stdio: "ignore" });
  return status === 0 ? undefined : "`go` is not on PATH: the S3 server of these tests is built with it";
}

/** Builds the server unless that was done before: some minutes. Needs Go and its module proxy. */
export async function installS3Server(): Promise<string> {
  if (existsSync(binary)) return binary;
  await mkdir(tools, { recursive: true });
  const build = await mkdtemp(join(tools, "build-"));
  try {
    const child = spawn("go", ["install", "-trimpath", "-ldflags=-s -w", `${gateway.module}@${gateway.version}`], {
      env: { ...process.env, GOBIN: build, CGO_ENABLED: "0" },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`go install ${gateway.module} ended with ${String(code)}`);
    await rename(join(build, "versitygw"), binary);
  } finally {
    await rm(build, { recursive: true, force: true });
  }
  return binary;
}

export interface S3Server {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** Where the objects lie: a folder per bucket. */
  readonly folder: string;
  /** What a client needs to be let in. */
  readonly env: Readonly<Record<string, string>>;
  /** A new, empty bucket's URL as `pulumi login` takes it. */
  newBucket(): Promise<string>;
  stop(): Promise<void>;
}

export async function startS3Server(): Promise<S3Server> {
  const program = await installS3Server();
  const folder = await mkdtemp(join(tmpdir(), "s3-"));
  const port = await freePort();
  const env = { AWS_ACCESS_KEY_ID: "tester", AWS_SECRET_ACCESS_KEY: "tester-secret", AWS_REGION: "us-east-1" };
  const child = spawn(program, ["--port", `127.0.0.1:${port}`, "--quiet", "posix", folder], {
    env: {
      PATH: process.env["PATH"],
      ROOT_ACCESS_KEY: env.AWS_ACCESS_KEY_ID,
      ROOT_SECRET_KEY: env.AWS_SECRET_ACCESS_KEY,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(child, "close");
  const endpoint = `http://127.0.0.1:${port}`;
  while (!(await answers(endpoint)))
    if (child.exitCode !== null) throw new Error(`the S3 server ended with ${child.exitCode}: ${said}`);
  let buckets = 0;
  return {
    endpoint,
    folder,
    env,
    async newBucket() {
      const name = `state-${(buckets += 1)}`;
      await mkdir(join(folder, name)); // a folder is a bucket
      return `s3://${name}?endpoint=127.0.0.1:${port}&region=us-east-1&s3ForcePathStyle=true&disableSSL=true`;
    },
    async stop() {
      child.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    await fetch(endpoint);
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

if (import.meta.main) {
  const missing = missingForS3Server();
  if (missing === undefined) await installS3Server();
  else process.stderr.write(`S3 server: not built: ${missing}\n`);
}
