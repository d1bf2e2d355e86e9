export type SeccompArch = "x64" | "arm64";

/**
 * System calls by number. Source: the kernel's own tables, arch/x86/entry/syscalls/syscall_64.tbl for x64 and
 * include/uapi/asm-generic/unistd.h (scripts/syscall.tbl since 6.11) for arm64, as installed by linux-libc-dev.
 * `undefined`: the architecture has no such call.
 */
type Numbers = Readonly<Record<SeccompArch, number | undefined>>;
const call = (x64: number, arm64?: number): Numbers => ({ x64, arm64 });

/** Refused with EPERM, whatever the arguments. */
export const DENIED_SYSCALLS: Readonly<Record<string, Numbers>> = {
  // Other processes' memory and descriptors: the sandbox's own pid 1 must not be read or changed either.
  ptrace: call(101, 117),
  process_vm_readv: call(310, 270),
  process_vm_writev: call(311, 271),
  kcmp: call(312, 272),
  pidfd_getfd: call(438, 438),
  // The file system's view is what keeps the workspaces apart.
  mount: call(165, 40),
  umount2: call(166, 39),
  pivot_root: call(155, 41),
  chroot: call(161, 51),
  swapon: call(167, 224),
  swapoff: call(168, 225),
  open_tree: call(428, 428),
  open_tree_attr: call(467, 467),
  move_mount: call(429, 429),
  fsopen: call(430, 430),
  fsconfig: call(431, 431),
  fsmount: call(432, 432),
  fspick: call(433, 433),
  mount_setattr: call(442, 442),
  // Other namespaces. `unshare` and `clone` are allowed without namespace flags; see seccomp.ts.
  setns: call(308, 268),
  // Kernel key rings are not separated by namespaces.
  add_key: call(248, 217),
  request_key: call(249, 218),
  keyctl: call(250, 219),
  // Large parts of the kernel that agents' programs do not need, with a history of holes.
  bpf: call(321, 280),
  perf_event_open: call(298, 241),
  userfaultfd: call(323, 282),
  io_uring_setup: call(425, 425),
  io_uring_enter: call(426, 426),
  io_uring_register: call(427, 427),
  memfd_secret: call(447, 447),
  lookup_dcookie: call(212, 18),
  fanotify_init: call(300, 262),
  // The ioctls of STORAGE_IOCTLS (seccomp.ts) as a call, since Linux 6.17.
  file_setattr: call(469, 469),
  // Files by handle instead of by path reach outside the mount namespace.
  open_by_handle_at: call(304, 265),
  // The machine itself. Each needs a capability that nobody inside has; refused a second time here.
  kexec_load: call(246, 104),
  kexec_file_load: call(320, 294),
  init_module: call(175, 105),
  finit_module: call(313, 273),
  delete_module: call(176, 106),
  create_module: call(174),
  query_module: call(178),
  get_kernel_syms: call(177),
  reboot: call(169, 142),
  acct: call(163, 89),
  quotactl: call(179, 60),
  quotactl_fd: call(443, 443),
  nfsservctl: call(180, 42),
  sethostname: call(170, 161),
  setdomainname: call(171, 162),
  syslog: call(103, 116),
  vhangup: call(153, 58),
  settimeofday: call(164, 170),
  clock_settime: call(227, 112),
  uselib: call(134),
  _sysctl: call(156),
  sysfs: call(139),
  ustat: call(136),
  iopl: call(172),
  ioperm: call(173),
  modify_ldt: call(154),
};

/** Judged by their arguments in seccomp.ts. */
export const FILTERED_SYSCALLS = {
  clone: { x64: 56, arm64: 220 },
  clone3: { x64: 435, arm64: 435 },
  unshare: { x64: 272, arm64: 97 },
  personality: { x64: 135, arm64: 92 },
  ioctl: { x64: 16, arm64: 29 },
  socket: { x64: 41, arm64: 198 },
  socketpair: { x64: 53, arm64: 199 },
} as const satisfies Readonly<Record<string, Readonly<Record<SeccompArch, number>>>>;
