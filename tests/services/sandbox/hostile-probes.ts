import { DENIED_SYSCALLS, FILTERED_SYSCALLS, type SeccompArch } from "../../../services/sandbox/seccomp-table.ts";

const arch = process.arch as SeccompArch;

/** What the host holds that no command may reach. */
export interface HostFacts {
  readonly folder: string;
  readonly project: string;
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly socketPath: string;
  readonly abstractSocket: string;
  readonly shmFile: string;
}

/** One attempt. It prints what came of it; `refused` is what that must look like. */
export interface Probe {
  readonly what: string;
  readonly script: (host: HostFacts) => string;
  readonly refused: RegExp;
  /** The same attempt without a sandbox is harmless and comes out otherwise: shows that the probe can tell. */
  readonly control?: true;
}

const shell = (
  what: string,
  script: string | ((host: HostFacts) => string),
  refused: RegExp,
  control?: true,
): Probe => ({
  what,
  script: (host) => `exec 2>&1\n${typeof script === "string" ? script : script(host)}`,
  refused,
  ...(control && { control }),
});

const PRELUDE = `import ctypes, errno, os, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    return "allowed" if result >= 0 else errno.errorcode.get(ctypes.get_errno(), "?")
def attempt(action):
    try: return "allowed " + str(action())
    except OSError as error: return errno.errorcode.get(error.errno, str(error))
`;
const python = (
  what: string,
  script: string | ((host: HostFacts) => string),
  refused: RegExp,
  control?: true,
): Probe => {
  const of = (host: HostFacts) => (typeof script === "string" ? script : script(host));
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  return shell(what, (host) => `/usr/bin/python3 -c ${quoted(PRELUDE + of(host))}`, refused, control);
};

const syscall = (name: string) =>
  (FILTERED_SYSCALLS as Readonly<Record<string, Readonly<Record<SeccompArch, number>>>>)[name]?.[arch] ??
  DENIED_SYSCALLS[name]?.[arch] ??
  -1;
const denied = (name: string, args = "", control?: true): Probe =>
  python(`system call ${name}`, `print(call(${syscall(name)}${args && ", "}${args}))`, /^EPERM$/m, control);

const FILES: readonly Probe[] = [
  shell("read /etc/shadow", "cat /etc/shadow", /No such file/, true),
  shell("read the host's users", "cat /etc/passwd", /^agent:.*\n(nobody:.*\n)?$/, true),
  shell(
    "read the host's settings",
    "ls /etc/ssh /etc/gitconfig /root /home /var /srv /boot /mnt",
    /(No such file[^]*){8}/,
    true,
  ),
  shell("read another workspace by its path", ({ folder }) => `cat ${folder}/other/secret`, /No such file/, true),
  shell("read another workspace beside this one", "ls /workspace/../other /workspaces", /(No such file[^]*){2}/),
  shell("read the service's own files", ({ folder }) => `cat ${folder}/.automatos/secret`, /No such file/, true),
  shell("read the project's folder", ({ project }) => `ls ${project}`, /No such file/, true),
  shell("list the host's temporary files", "ls -A /tmp | wc -l", /^0$/m, true),
  shell("read shared memory of the host", ({ shmFile }) => `cat ${shmFile}`, /No such file/, true),
  shell("see /sys and its cgroups", "ls /sys /sys/fs/cgroup", /(No such file[^]*){2}/, true),
  shell(
    "write into /usr",
    "touch /usr/x /usr/bin/ls",
    /Read-only file system[^]*(Read-only file system|Permission denied)/,
  ),
  shell("write into /etc", "touch /etc/x; echo x >/etc/hosts", /Read-only file system/),
  shell("write into /", "mkdir /x", /Read-only file system/),
  shell("write into /dev", "touch /dev/x", /Read-only file system|Permission denied/),
  shell(
    "write over the program of the service",
    "ls /opt/node/bin && echo x >/opt/node/bin/node",
    /Read-only|denied|No such/,
  ),
  shell("make a device", "mknod /workspace/null c 1 3 || mknod /tmp/null c 1 3", /(Operation not permitted[^]*){2}/),
  shell(
    "make a program that runs as its owner",
    "cp /usr/bin/id /tmp/id && chmod u+s /tmp/id && /tmp/id -u | grep -c ^0",
    /^0$/m,
  ),
  shell(
    "link a file of the system into the workspace",
    "ln /etc/hosts /workspace/hosts || ln /usr/bin/id /workspace/id",
    /(Invalid cross-device[^]*|not permitted[^]*){2}/,
  ),
  shell("move the workspace away", "mv /workspace /tmp/moved", /busy|Read-only|Permission/i),
  shell("give a file to root", "touch own && chown 0 own", /Operation not permitted|Invalid argument/),
];

const PROCESSES: readonly Probe[] = [
  shell("read the first process's environment", "tr '\\0' '\\n' </proc/1/environ | wc -c", /Permission denied|^0$/m),
  shell(
    "read a secret in any environment",
    "grep -las automatos-test-secre[t] /proc/[0-9]*/environ | wc -l",
    /^0$/m,
    true,
  ),
  shell(
    "read a path of the host in any command line",
    ({ folder }) => `cat /proc/*/cmdline | grep -a -c ${folder.slice(0, -1)}[${folder.slice(-1)}]`,
    /^0$/m,
  ),
  shell("see processes of the host", "ls -d /proc/[0-9]* | wc -l", /^[3-8]$/m, true),
  shell(
    "go through the first process's root",
    "ls /proc/1/root/etc/shadow /proc/1/cwd/root",
    /(No such file|Permission denied)[^]*(No such file|Permission denied)/,
  ),
  shell(
    "use descriptors of the service",
    "ls -l /proc/self/fd | grep -v -c -e socket: -e /dev/null -e pipe: -e /proc/ -e total",
    /^0$/m,
  ),
  shell("kill everything in reach", "trap '' TERM; kill -TERM -1; kill -9 1; echo still here", /still here/),
  shell(
    "change the kernel's settings",
    "echo /workspace/x >/proc/sys/kernel/core_pattern; echo 1 >/proc/sys/vm/drop_caches; echo b >/proc/sysrq-trigger",
    /(Permission denied|Read-only)[^]*(Permission denied|Read-only)[^]*(Permission denied|Read-only|nonexistent)/,
  ),
  shell(
    "read the kernel's memory",
    "head -c1 /proc/kcore; head -c1 /dev/mem; head -c1 /dev/kmsg",
    /(denied|No such file)[^]*No such file[^]*No such file/i,
  ),
  shell("lift its own limits", "ulimit -f unlimited; ulimit -Hc unlimited", /(not permitted|error setting)/i),
  shell(
    "run above others",
    "nice -n -10 true; chrt -f 10 true",
    /(Permission denied|not permitted)[^]*(not permitted)/i,
  ),
  shell("become root by su or sudo", "su -c id; sudo id; passwd -d agent", /^(?![^]*uid=0)/),
  python(
    "become root by system calls",
    "print(attempt(lambda: os.setuid(0)), attempt(lambda: os.setgroups([0])), attempt(lambda: os.setresgid(0, 0, 0)))",
    /^(EPERM|EINVAL) (EPERM|EINVAL) (EPERM|EINVAL)$/m,
    true,
  ),
  shell(
    "have any capability",
    "grep -c -E '^Cap(Inh|Prm|Eff|Amb):\\s0+$' /proc/self/status; grep NoNewPrivs /proc/self/status; grep ^Seccomp: /proc/self/status",
    /^4\nNoNewPrivs:\s1\nSeccomp:\s2$/m,
    true,
  ),
  shell(
    "see the host's name or change it",
    "hostname; hostname x",
    /^sandbox\n.*(not permitted|must be root|you must)/m,
  ),
  shell("see IPC objects of the host", "ipcs -q | grep -c ^0x", /^0$/m, true),
];

const KERNEL: readonly Probe[] = [
  shell(
    "mount",
    "mount -t tmpfs none /tmp; mount --bind /usr /workspace; mount -o remount,rw /usr",
    /(denied|not permitted|superuser)[^]*(denied|not permitted|superuser)[^]*(denied|not permitted|superuser)/i,
  ),
  shell(
    "unmount",
    "umount /usr; umount -l /proc",
    /(not permitted|superuser|failed)[^]*(not permitted|superuser|failed)/i,
  ),
  shell(
    "unshare",
    "for n in user mount net pid ipc uts cgroup time; do unshare --$n true; done",
    /(Operation not permitted[^]*){8}/,
  ),
  shell(
    "enter another process's namespaces",
    "nsenter -t 1 -m -n true; nsenter -t 2 -a true",
    /(denied|not permitted)[^]*(denied|not permitted)/i,
  ),
  shell("chroot", "chroot /usr /bin/true", /Operation not permitted/),
  shell(
    "nest another sandbox",
    "bwrap --ro-bind / / --unshare-user true",
    /not permitted|Creating new namespace failed|No permissions/i,
  ),
  python("clone into a user namespace", `print(call(${syscall("clone")}, 0x10000000 | 17, 0, 0, 0, 0))`, /^EPERM$/m),
  python("clone3", `print(call(${syscall("clone3")}, 0, 0))`, /^ENOSYS$/m, true),
  denied("ptrace", "0, 0, 0, 0", true),
  denied("process_vm_readv", "os.getpid(), 0, 0, 0, 0, 0", true),
  denied("keyctl", "0, -3, 0", true),
  denied("add_key"),
  denied("bpf"),
  denied("perf_event_open"),
  denied("userfaultfd", "1", true),
  denied("io_uring_setup", "1, 0"),
  denied("open_by_handle_at"),
  denied("fsopen"),
  denied("open_tree", "-100, b'/', 0", true),
  denied("move_mount"),
  denied("mount_setattr"),
  denied("setns", "-1, 0"),
  denied("pivot_root"),
  denied("kexec_load"),
  denied("finit_module", "-1, 0, 0"),
  denied("pidfd_getfd", "-1, 0, 0"),
  python(
    "a personality without address randomisation",
    `print(call(${syscall("personality")}, 0x40000))`,
    /^EPERM$/m,
    true,
  ),
  python(
    "type into a terminal",
    "import fcntl\nm, s = os.openpty()\nprint(attempt(lambda: fcntl.ioctl(s, 0x5412, b'x')))",
    /^EPERM$/m,
  ),
  ...(arch === "x64"
    ? [
        python("the x32 calls", "sys.stdout.flush(); print(call(0x40000000 + 39))", /^(?![^]*allowed)/),
        python(
          "the 32-bit calls",
          "import mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))\n" +
            "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\nprint('allowed' if f() > 0 else 'no')",
          /^(?![^]*allowed)/,
          true,
        ),
      ]
    : []),
];

const connect = (family: string, address: string) =>
  `s = socket.socket(socket.${family}); s.settimeout(5); print(attempt(lambda: s.connect(${address})))`;

const NETWORK: readonly Probe[] = [
  python(
    "connect to the database's port on loopback",
    ({ tcpPort }) => connect("AF_INET", `("127.0.0.1", ${tcpPort})`),
    /^ECONNREFUSED$/m,
    true,
  ),
  python(
    "connect to loopback by its other names",
    ({ tcpPort }) => connect("AF_INET", `("127.1.2.3", ${tcpPort})`),
    /^ECONNREFUSED$/m,
    true,
  ),
  python(
    "send a datagram to the host",
    ({ udpPort }) =>
      `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("127.0.0.1", ${udpPort})); s.settimeout(5); s.send(b"ping"); print(attempt(lambda: s.recv(10)))`,
    /^ECONNREFUSED$/m,
    true,
  ),
  python(
    "connect to a socket of the host by its path",
    ({ socketPath }) => connect("AF_UNIX", JSON.stringify(socketPath)),
    /^ENOENT$/m,
    true,
  ),
  python(
    "connect to an abstract socket of the host",
    ({ abstractSocket }) => connect("AF_UNIX", `"\\0${abstractSocket}"`),
    /^ECONNREFUSED$/m,
    true,
  ),
  shell("find any socket", "find / -xdev -type s 2>/dev/null | wc -l; ls /run", /^0\nidentity$/m),
  python(
    "have another interface than loopback",
    "print([name for _, name in socket.if_nameindex()])",
    /^\['lo'\]$/m,
    true,
  ),
  python("resolve a name", "print(attempt(lambda: socket.getaddrinfo('example.invalid', 80)))", /^(?![^]*allowed)/),
  python(
    "open a raw socket",
    "print(attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)))",
    /^EPERM$/m,
    true,
  ),
  python(
    "open a packet socket",
    "print(attempt(lambda: socket.socket(17, socket.SOCK_RAW, 0)))",
    /^EAFNOSUPPORT$/m,
    true,
  ),
  python(
    "open a socket to the hypervisor or the kernel's ciphers",
    "print(attempt(lambda: socket.socket(40, 1)), attempt(lambda: socket.socket(38, 5)))",
    /^EAFNOSUPPORT EAFNOSUPPORT$/m,
  ),
  python(
    "listen to the kernel's events",
    "print(attempt(lambda: socket.socket(16, 3, 15)), attempt(lambda: socket.socket(16, 3, 9)))",
    /^EAFNOSUPPORT EAFNOSUPPORT$/m,
    true,
  ),
  shell(
    "add an address or an interface",
    "ip addr add 10.0.0.1/8 dev lo; ip link add x type dummy",
    /(not permitted|not found)[^]*(not permitted|not found)/i,
  ),
  shell(
    "reach out from a git hook",
    ({ tcpPort }) =>
      `git init -q r && cd r && git config core.hooksPath h && mkdir h && printf '#!/bin/sh\\ncurl -sS -m 5 telnet://127.0.0.1:${tcpPort} </dev/null; cat /etc/shadow' >h/pre-commit && chmod +x h/pre-commit && git -c user.name=a -c user.email=a@b commit --allow-empty -m x`,
    /(refused|Couldn't connect|Failed to connect)[^]*No such file/i,
  ),
];

export const PROBES: readonly Probe[] = [...FILES, ...PROCESSES, ...KERNEL, ...NETWORK];
