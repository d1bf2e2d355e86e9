import { DENIED_SYSCALLS, FILTERED_SYSCALLS, type SeccompArch } from "./seccomp-table.ts";

/** One instruction of classic BPF, `struct sock_filter`. */
interface Instruction {
  readonly code: number;
  /** Instructions to skip when the comparison holds, and when it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

// linux/bpf_common.h
const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_IF_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_IF_SET = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

// linux/seccomp.h: struct seccomp_data and the answers of a filter
const OFFSET_NUMBER = 0;
const OFFSET_ARCH = 4;
/** The low half of an argument; both architectures are little-endian. */
const offsetOfArgument = (index: number) => 16 + 8 * index;
const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const errno = (number: number) => 0x00050000 | number;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

// linux/audit.h
const AUDIT_ARCH: Readonly<Record<SeccompArch, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
const X32_BIT = 0x40000000;

// linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
const NAMESPACE_FLAGS = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
const CLONE_NEWTIME = 0x80; // of unshare only: in clone it is part of the exit signal

// asm-generic/ioctls.h: TIOCSTI types into a terminal, TIOCLINUX pastes into a console
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
/**
 * What leads out of a workspace's storage limit, though its caller owns the files: other projects for them
 * (linux/fs.h: FS_IOC_SETFLAGS, its 32-bit form, FS_IOC_FSSETXATTR; project quotas are no limit without this), and
 * subvolumes, which have limits of their own (linux/btrfs.h: SNAP_CREATE, SUBVOL_CREATE and their second versions).
 */
const STORAGE_IOCTLS = [...[0x40086602, 0x40046602, 0x401c5820], ...[0x50009401, 0x5000940e, 0x50009417, 0x50009418]];
// linux/personality.h: PER_LINUX, PER_LINUX32, UNAME26, both, and "only ask"
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;

const load = (offset: number): Instruction => ({ code: LOAD_WORD, jt: 0, jf: 0, k: offset });
const answer = (value: number): Instruction => ({ code: RETURN, jt: 0, jf: 0, k: value });
const ifEqual = (value: number, jt: number, jf: number): Instruction => ({ code: JUMP_IF_EQUAL, jt, jf, k: value });
const ifSet = (bits: number, jt: number, jf: number): Instruction => ({ code: JUMP_IF_SET, jt, jf, k: bits });

/** Runs `body` when the loaded number is `number`; `body` must end in an answer. The number stays loaded otherwise. */
const onCall = (number: number, body: readonly Instruction[]) => [ifEqual(number, 0, body.length), ...body];

/** Answers `refusal` unless argument `index` is one of `values`. */
const onlyValues = (index: number, values: readonly number[], refusal: number) => [
  load(offsetOfArgument(index)),
  ...values.map((value, position) => ifEqual(value, values.length - position, 0)),
  answer(refusal),
  answer(ALLOW),
];

/** Answers `refusal` when what is loaded is one of `values`. */
const noneOf = (values: readonly number[], refusal: number) => [
  ...values.map((value, position) => ifEqual(value, values.length - position, 0)),
  answer(ALLOW),
  answer(refusal),
];

const refuseBits = (index: number, bits: number) => [
  load(offsetOfArgument(index)),
  ifSet(bits, 0, 1),
  answer(errno(EPERM)),
  answer(ALLOW),
];

/**
 * The sandbox's system call filter, as `struct sock_filter[]` for `bwrap --seccomp`. It allows what it does not name:
 * agents run any compiler and interpreter there is. It refuses what leads around the other walls (namespaces, mounts,
 * tracing, kernel keys) and the parts of the kernel with the most holes. The program is the same in each sandbox.
 */
export function seccompProgram(arch: SeccompArch): Buffer {
  const of = (name: keyof typeof FILTERED_SYSCALLS) => FILTERED_SYSCALLS[name][arch];
  const denied = Object.values(DENIED_SYSCALLS)
    .map((numbers) => numbers[arch])
    .filter((number) => number !== undefined);
  return assemble([
    // A 32-bit call has other numbers: none of the checks below would mean anything.
    load(OFFSET_ARCH),
    ifEqual(AUDIT_ARCH[arch], 1, 0),
    answer(KILL_PROCESS),
    load(OFFSET_NUMBER),
    ...(arch === "x64" ? [ifSet(X32_BIT, 0, 1), answer(KILL_PROCESS)] : []),
    // Its flags are in memory, which a filter cannot read. Without it the C library uses clone.
    ...onCall(of("clone3"), [answer(errno(ENOSYS))]),
    ...onCall(of("clone"), refuseBits(0, NAMESPACE_FLAGS)),
    ...onCall(of("unshare"), refuseBits(0, NAMESPACE_FLAGS | CLONE_NEWTIME)),
    ...onCall(of("ioctl"), [
      load(offsetOfArgument(1)), // the kernel reads 32 bits of it: so does the filter
      ...noneOf([TIOCSTI, TIOCLINUX, ...STORAGE_IOCTLS], errno(EPERM)),
    ]),
    ...onCall(of("personality"), onlyValues(0, PERSONALITIES, errno(EPERM))),
    ...onCall(of("socketpair"), onlyValues(0, [AF_UNIX], errno(EAFNOSUPPORT))),
    ...onCall(of("socket"), [
      load(offsetOfArgument(0)),
      ifEqual(AF_UNIX, 6, 0),
      ifEqual(AF_INET, 5, 0),
      ifEqual(AF_INET6, 4, 0),
      ifEqual(AF_NETLINK, 0, 2),
      load(offsetOfArgument(2)),
      ifEqual(NETLINK_ROUTE, 1, 0), // what getaddrinfo and `ip` ask for the interfaces
      answer(errno(EAFNOSUPPORT)),
      answer(ALLOW),
    ]),
    ...denied.flatMap((number) => onCall(number, [answer(errno(EPERM))])),
    answer(ALLOW),
  ]);
}

function assemble(instructions: readonly Instruction[]): Buffer {
  const program = Buffer.alloc(instructions.length * 8);
  for (const [index, { code, jt, jf, k }] of instructions.entries()) {
    program.writeUInt16LE(code, index * 8);
    program.writeUInt8(jt, index * 8 + 2);
    program.writeUInt8(jf, index * 8 + 3);
    program.writeUInt32LE(k >>> 0, index * 8 + 4);
  }
  return program;
}
