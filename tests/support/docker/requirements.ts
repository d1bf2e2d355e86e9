/** What the test daemon needs of the machine; as root, what Debian has is installed. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { installPackages, programOfMachine } from "../debian-packages.ts";

const run = promisify(execFile);

/** Programs, and the Debian packages that have them. */
const PROGRAMS = {
  dockerd: "docker.io",
  busybox: "busybox-static",
  "docker-registry": "docker-registry",
  ip: "iproute2",
  iptables: "iptables",
  unshare: "util-linux",
  nsenter: "util-linux",
  socat: "socat",
} as const;

let checked: Promise<string | false> | undefined;

/** False when the daemon can be started; else what is missing, as a test's reason to be skipped. */
export function dockerIsMissing(): Promise<string | false> {
  checked ??= check();
  return checked;
}

async function check(): Promise<string | false> {
  if (process.platform !== "linux") return skip("a Docker daemon of its own needs Linux");
  if (process.getuid?.() !== 0) return skip("a Docker daemon of its own needs root");
  const absent = absentPrograms();
  if (absent.length > 0) await installPackages(absent.map((program) => PROGRAMS[program])).catch(() => undefined);
  const still = absentPrograms();
  if (still.length > 0) return skip(`no ${still.join(", ")} on this machine, nor to be had with apt-get`);
  return run(programFile("unshare"), ["--net", "true"]).then(
    () => false,
    () => skip("this machine lets no network namespace be made"),
  );
}

/** Loud: a suite that says nothing is taken for one that passed. */
function skip(reason: string): string {
  process.stderr.write(`SKIPPED: tests with a Docker daemon: ${reason}\n`);
  return reason;
}

function absentPrograms(): (keyof typeof PROGRAMS)[] {
  return (Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[]).filter(
    (program) => programOfMachine(program) === undefined,
  );
}

export function programFile(name: keyof typeof PROGRAMS): string {
  const file = programOfMachine(name);
  if (file === undefined) throw new Error(`${name} is not installed; dockerIsMissing() says so beforehand`);
  return file;
}
