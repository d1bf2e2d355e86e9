import { execFile } from "node:child_process";
import { findProgram } from "../../runtime/find-program.ts";
import { QuotaProgramError } from "./quota-errors.ts";

/** Where programs of the system are; the service's own PATH has no say in what runs as root. */
const FOLDERS = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 ** 2;

/** The programs that quotas need; each is started by its full path with an argument vector, never by a shell. */
export type QuotaProgram = "btrfs" | "chattr" | "cp" | "lsattr" | "repquota" | "setquota" | "sync";

/** The program's full path; undefined when it is not installed. */
export const findQuotaProgram = (program: QuotaProgram): string | undefined => findProgram(program, FOLDERS);

/** Runs a program to its end and resolves to what it printed. @throws QuotaProgramError */
export async function runProgram(
  program: QuotaProgram,
  args: readonly string[],
  options: { readonly timeoutMs?: number } = {},
): Promise<string> {
  const path = findQuotaProgram(program);
  if (path === undefined) throw new QuotaProgramError(program, args, "it is not installed");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(
    path,
    args,
    {
      cwd: "/",
      env: { PATH: FOLDERS.join(":"), LC_ALL: "C" },
      timeout: options.timeoutMs ?? TIMEOUT_MS,
      killSignal: "SIGKILL",
      maxBuffer: MAX_OUTPUT_BYTES,
    },
    (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new QuotaProgramError(program, args, stderr.trim().slice(-500) || error.message, error));
    },
  );
  return promise;
}
