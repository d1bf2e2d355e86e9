/** A project on the embedded engine, and what a command on it costs. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../../engine/bin/pulumi.mjs", import.meta.url));
const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));
const POLL_EVERY_MS = 100;

const roles = ["engine", "program", "provider"] as const;
type Role = (typeof roles)[number];

export interface Cost {
  /** From the start of the command to its end. */
  readonly milliseconds: number;
  /** Processor time of the engine and of all that it started: on a busy machine, a better measure than the clock. */
  readonly processorMilliseconds: number;
  /** The most that each process held of memory (VmHWM of proc(5)). */
  readonly peakMegabytes: Readonly<Record<Role, number>>;
}

export class EngineProject {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param program index.js */
  static async create(program: string): Promise<EngineProject> {
    const folder = await mkdtemp(join(tmpdir(), "bench-engine-"));
    await mkdir(join(folder, "state"));
    const settings = "name: bench\nruntime: { name: nodejs, options: { typescript: false } }\n";
    await writeFile(join(folder, "Pulumi.yaml"), settings);
    await writeFile(join(folder, "package.json"), '{ "name": "bench", "main": "index.js" }');
    await writeFile(join(folder, "index.js"), program);
    await symlink(modules, join(folder, "node_modules"));
    const project = new EngineProject(folder);
    await project.run(["stack", "init", "dev"]);
    return project;
  }

  /** @throws Error with what the command said, when it fails. */
  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Cost> {
    const startedAt = performance.now();
    // the shell's `times` knows the processor time of all descendants, which Node does not tell
    const child = spawn(
      "/bin/sh",
      [
        "-c",
        '"$@" >/dev/null; code=$?; times; exit $code',
        "sh",
        process.execPath,
        command,
        ...args,
        "--non-interactive",
      ],
      {
        cwd: this.#folder,
        env: {
          ...process.env,
          AUTOMATOS_ENGINE: "embedded",
          PULUMI_BACKEND_URL: `file://${join(this.#folder, "state")}`,
          PULUMI_CONFIG_PASSPHRASE: "bench",
          PULUMI_HOME: join(this.#folder, "home"),
          ...env,
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let times = "";
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (times += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const peaks = { engine: 0, program: 0, provider: 0 };
    const poll = setInterval(() => {
      for (const pid of descendants(child.pid ?? 0)) watch(pid, peaks);
    }, POLL_EVERY_MS);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    clearInterval(poll);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${String(code)}: ${said}`);
    return {
      milliseconds: performance.now() - startedAt,
      processorMilliseconds: childrenTime(times),
      peakMegabytes: peaks,
    };
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The second line of `times`: user and system time of the shell's children, as `1m2.34s 0m0.56s`. */
function childrenTime(times: string): number {
  const line = times.trim().split("\n").at(-1) ?? "";
  const [user = 0, system = 0] = [...line.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => (Number(minutes) * 60 + Number(seconds)) * 1_000,
  );
  return user + system;
}

function descendants(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function watch(pid: number, peaks: Record<Role, number>): void {
  const line = read(`/proc/${pid}/cmdline`).split("\0").join(" ");
  const role = roles.find((one) => signs[one].test(line));
  if (role === undefined) return;
  const megabytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1_024;
  peaks[role] = Math.max(peaks[role], megabytes);
}

const signs: Readonly<Record<Role, RegExp>> = {
  engine: /bin\/pulumi\.mjs /,
  program: /pulumi\/cmd\/run(\/| )/,
  provider: /pulumi\/cmd\/dynamic-provider/,
};

/** Empty where the process is gone, and where there is no /proc. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
