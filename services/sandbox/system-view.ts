import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { INSIDE } from "./inner-script.ts";

/** The part of /etc that programs need to run: copied once, so that nothing else of the host's is ever there. */
const COPIED = [
  "alternatives", // where /usr/bin/java and its like point to
  "ca-certificates",
  "crypto-policies",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "localtime",
  "mime.types",
  "pki/ca-trust",
  "pki/tls/certs",
  "protocols",
  "services",
  "ssl/certs",
  "ssl/openssl.cnf",
  "maven",
];
/** Settings of JDKs, which Debian keeps in /etc: `java-17-openjdk`. */
const COPIED_PATTERN = /^java-\d+-openjdk$/;

const WRITTEN: Readonly<Record<string, string>> = {
  hosts: "127.0.0.1 localhost sandbox\n::1 localhost\n",
  hostname: "sandbox\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
  "resolv.conf": "", // names are resolved by the gateway
  shells: "/bin/sh\n/bin/bash\n",
};

/** The read-only system that every sandbox sees: made once, below `runtimeDir`. */
export class SystemView {
  readonly #runtimeDir: string;
  readonly #fixedArgs: readonly string[];
  readonly #identities = new Set<number>();
  readonly path: string;

  constructor(deps: { readonly runtimeDir: string; readonly nodePath: string }) {
    this.#runtimeDir = deps.runtimeDir;
    fs.mkdirSync(deps.runtimeDir, { recursive: true, mode: 0o711 });
    const etc = join(deps.runtimeDir, "etc");
    makeEtc(etc);
    const node = nodeArgs(deps.nodePath);
    this.path = [
      ...(node.length > 0 ? [`${INSIDE.nodeDir}/bin`] : []),
      "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
      `${INSIDE.workspace}/.local/bin`,
    ].join(":");
    // Folders that bwrap makes by itself on the way to a mount are for root alone.
    const parents = ["/run", "/opt", INSIDE.nodeDir, `${INSIDE.nodeDir}/bin`];
    const folders = parents.flatMap((path) => ["--perms", "0755", "--dir", path]);
    this.#fixedArgs = [...topLevelArgs(), ...folders, "--ro-bind", etc, "/etc", ...node];
  }

  /** Mounts without /usr, which comes last of all (see bubblewrap-sandbox.ts). */
  args(uid: number, gid: number): string[] {
    return [...this.#fixedArgs, "--ro-bind", this.#identity(uid, gid), INSIDE.identity];
  }

  /** A folder with the name of this user and of no other. */
  #identity(uid: number, gid: number): string {
    const folder = join(this.#runtimeDir, `identity-${uid}`);
    if (this.#identities.has(uid)) return folder;
    fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
    const agent = `agent:x:${uid}:${gid}:agent:${INSIDE.workspace}:/bin/sh\n`;
    const nobody = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
    fs.writeFileSync(join(folder, "passwd"), uid === 65_534 ? agent : agent + nobody, { mode: 0o644 });
    fs.writeFileSync(join(folder, "group"), `agent:x:${gid}:\n`, { mode: 0o644 });
    makePublic(folder);
    this.#identities.add(uid);
    return folder;
  }
}

function makeEtc(etc: string): void {
  fs.rmSync(etc, { recursive: true, force: true });
  fs.mkdirSync(etc, { mode: 0o755 });
  const javas = fs.readdirSync("/etc").filter((name) => COPIED_PATTERN.test(name));
  for (const name of [...COPIED, ...javas]) {
    const from = join("/etc", name);
    if (!fs.existsSync(from)) continue;
    fs.mkdirSync(dirname(join(etc, name)), { recursive: true, mode: 0o755 });
    fs.cpSync(from, join(etc, name), { recursive: true, verbatimSymlinks: true, filter: isPublic });
  }
  for (const [name, text] of Object.entries(WRITTEN)) fs.writeFileSync(join(etc, name), text, { mode: 0o644 });
  for (const name of ["passwd", "group"]) fs.symlinkSync(`${INSIDE.identity}/${name}`, join(etc, name));
  fs.symlinkSync("/proc/self/mounts", join(etc, "mtab"));
  makePublic(etc);
}

/** Readable for the workspaces' users, whatever the service's umask is. */
function makePublic(folder: string): void {
  fs.chmodSync(folder, 0o755);
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) fs.chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  }
}

/** What is not for everybody on the host (private keys) is not for sandboxes either. */
function isPublic(path: string): boolean {
  const stats = fs.lstatSync(path);
  return stats.isSymbolicLink() || (stats.mode & 0o004) !== 0;
}

/** /bin, /lib and their like: links into /usr on today's systems, folders of their own on old ones. */
function topLevelArgs(): string[] {
  return ["bin", "sbin", "lib", "lib32", "lib64", "libx32"].flatMap((name) => {
    const stats = fs.lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() === true) return ["--symlink", fs.readlinkSync(`/${name}`), `/${name}`];
    return stats?.isDirectory() === true ? ["--ro-bind", `/${name}`, `/${name}`] : [];
  });
}

/**
 * The service's own Node, when the system's is another: the program and its npm, not the folder that they are in,
 * which may be anybody's home.
 */
function nodeArgs(nodePath: string): string[] {
  if (nodePath.startsWith("/usr/")) return [];
  const bin = `${INSIDE.nodeDir}/bin`;
  const args = ["--ro-bind", nodePath, `${bin}/node`];
  const npm = join(dirname(dirname(nodePath)), "lib/node_modules/npm");
  if (!fs.existsSync(npm)) return args;
  args.push("--ro-bind", npm, `${INSIDE.nodeDir}/lib/node_modules/npm`);
  for (const name of ["npm", "npx"])
    args.push("--symlink", `../lib/node_modules/npm/bin/${name}-cli.js`, `${bin}/${name}`);
  return args;
}
