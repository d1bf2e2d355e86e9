// worker-seccomp.ts: writes components/images/worker-seccomp.json, the worker container's system call filter.
//
// It allows the calls that the kernel's headers name (Debian's linux-libc-dev), but for those that a sandbox is refused
// as well (services/sandbox/seccomp-table.ts); of these, the worker is left the few by which bubblewrap makes a
// sandbox. What the headers do not know answers ENOSYS, as an older kernel does, and 32-bit calls end the process.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DENIED_SYSCALLS } from "../services/sandbox/seccomp-table.ts";

const OUTPUT = path.resolve(import.meta.dirname, "../components/images/worker-seccomp.json");
/** Found by taking them away one by one (docs/decisions/0031). Namespaces are clone's and unshare's flags. */
const NEEDED_BY_BUBBLEWRAP = ["mount", "umount2", "pivot_root", "sethostname"];
const HEADERS = ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"];
const ENOSYS = 38;
const EPERM = 1;

const known = new Set(
  HEADERS.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^#define __NR_([a-z0-9_]+)\s/gm)].map(([, name = ""]) => name),
  ),
);
for (const pseudo of ["syscalls", "arch_specific_syscall"]) known.delete(pseudo);
const denied = Object.keys(DENIED_SYSCALLS).filter((name) => !NEEDED_BY_BUBBLEWRAP.includes(name));
const allowed = [...known].filter((name) => !name.startsWith("3264_") && !denied.includes(name));
const profile = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: ENOSYS,
  archMap: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"].map((architecture) => ({ architecture, subArchitectures: [] })),
  syscalls: [
    { names: allowed.sort(), action: "SCMP_ACT_ALLOW" },
    { names: denied.sort(), action: "SCMP_ACT_ERRNO", errnoRet: EPERM },
  ],
};
writeFileSync(OUTPUT, `${JSON.stringify(profile, null, 2)}\n`);
process.stdout.write(
  `${path.relative(process.cwd(), OUTPUT)}: ${allowed.length} calls allowed, ${denied.length} refused\n`,
);
