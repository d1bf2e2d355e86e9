import { execFileSync } from "node:child_process";
import { chmodSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { lchown } from "node:fs/promises";
import { dirname, join, sep } from "node:path";

/**
 * PostgreSQL refuses to run as root. How it is run instead, so that nothing of the host has to be changed and the
 * project may lie where no other user can go (/root, a 0700 folder).
 */
export interface DatabaseUser {
  /** Owner that the cluster's files must have; `undefined`: whoever we are. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Where the command sees the two folders. */
  readonly clusterDir: string;
  readonly nativeDir: string;
  /** The command that runs `argv` as this user; it becomes `argv` and keeps its process number. */
  command(argv: readonly string[]): string[];
}

/** Nobody's number on a usual machine: below the workspaces' users (from 200,000), above people and services. */
const PREFERRED_UID = 199_000;
/** Where a rootless container maps fewer numbers. */
const SMALL_UID = 64_990;

/** Folders that Linux systems have and that the server can do without: one of them is covered in its own view. */
const COVERABLE = ["/mnt", "/media", "/srv", "/opt", "/home", "/tmp"];

/**
 * Runs in a mount namespace of its own, which ends with the last process in it. Binds the two folders to a place that
 * the user can reach, gives him a name (initdb asks for one) and drops every privilege.
 */
const ENTER = `
set -e
base=$1 uid=$2 cluster=$3 native=$4; shift 4
exec 3<"$cluster" 4<"$native"
mount -t tmpfs -o mode=0755,size=1m tmpfs "$base"
mkdir "$base/cluster" "$base/native"
mount --bind "/proc/self/fd/3/." "$base/cluster"
mount --bind "/proc/self/fd/4/." "$base/native"
exec 3<&- 4<&-
printf 'root:x:0:0::/:/bin/false\\nautomatos-postgres:x:%s:%s::/:/bin/false\\n' "$uid" "$uid" > "$base/passwd"
chmod 0644 "$base/passwd"
mount --bind "$base/passwd" /etc/passwd
cd "$base"
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"
`;

const isInside = (path: string, folder: string) => path === folder || path.startsWith(folder + sep);

function isMappedUid(uid: number): boolean {
  return readFileSync("/proc/self/uid_map", "utf8")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([first = 0, , count = 0]) => uid >= first && uid < first + count);
}

function namespaceUser(clusterDir: string, nativeDir: string): DatabaseUser | undefined {
  const base = COVERABLE.find(
    (folder) =>
      statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true &&
      !lstatSync(folder).isSymbolicLink() &&
      !isInside(clusterDir, folder) &&
      !isInside(nativeDir, folder),
  );
  if (base === undefined) return undefined;
  const uid = isMappedUid(PREFERRED_UID) ? PREFERRED_UID : SMALL_UID;
  const command = (argv: readonly string[]) =>
    // prettier-ignore
    ["unshare", "--mount", "--", "/bin/sh", "-c", ENTER, "sh", base, String(uid), clusterDir, nativeDir, ...argv];
  const [program = "", ...args] = command(["/bin/true"]);
  try {
    execFileSync(program, args, { stdio: "ignore" });
  } catch {
    return undefined; // not permitted here: a container without CAP_SYS_ADMIN, or without util-linux
  }
  return { uid, gid: uid, clusterDir: join(base, "cluster"), nativeDir: join(base, "native"), command };
}

const OTHERS_MAY_ENTER = 0o001;

/** The first folder on the way to `path` that other users cannot enter. */
function closedAncestor(path: string): string | undefined {
  const parent = dirname(path);
  return (
    (parent === path ? undefined : closedAncestor(parent)) ??
    ((statSync(path).mode & OTHERS_MAY_ENTER) === 0 ? path : undefined)
  );
}

function existingUser(clusterDir: string, nativeDir: string): DatabaseUser {
  const CANDIDATES = ["postgres", "nobody"];
  const entries = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const entry = CANDIDATES.map((name) => entries.find(([user]) => user === name)).find((found) => found !== undefined);
  // .automatos is ours to open; what it holds is closed by itself
  chmodSync(dirname(clusterDir), statSync(dirname(clusterDir)).mode | OTHERS_MAY_ENTER);
  const closed = closedAncestor(dirname(clusterDir)) ?? closedAncestor(nativeDir);
  if (entry === undefined || closed !== undefined) {
    const why =
      entry === undefined ? "there is no user postgres or nobody" : `other users cannot enter ${closed ?? ""}`;
    throw new Error(
      `PostgreSQL does not run as root, a mount namespace is not permitted here and ${why}; ` +
        "run it as a normal user, give the container CAP_SYS_ADMIN, or move the project to a folder that others may enter",
    );
  }
  const [, , uid = "", gid = ""] = entry;
  const drop = ["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--"];
  return {
    uid: Number(uid),
    gid: Number(gid),
    clusterDir,
    nativeDir,
    command: (argv) => [...drop, ...argv],
  };
}

/**
 * Finds how the server can run here. As root on Linux: as a user of its own in a mount namespace of its own; where that
 * is not permitted, as an existing user without privileges. Otherwise: as we are.
 *
 * @throws Error with the ways out when root may do neither.
 */
export function databaseUser(clusterDir: string, nativeDir: string): DatabaseUser {
  const cluster = realpathSync(clusterDir);
  const native = realpathSync(nativeDir);
  if (process.getuid?.() !== 0) {
    return { uid: undefined, gid: undefined, clusterDir: cluster, nativeDir: native, command: (argv) => [...argv] };
  }
  if (process.platform !== "linux") {
    throw new Error("PostgreSQL does not run as root; run this as a normal user");
  }
  return namespaceUser(cluster, native) ?? existingUser(cluster, native);
}

/** Gives a folder and all in it to the user: files of root or of an earlier user stay unreadable to him otherwise. */
export async function giveFolder(folder: string, user: DatabaseUser): Promise<void> {
  if (user.uid === undefined || user.gid === undefined) return;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const path of [folder, ...entries.map((entry) => join(entry.parentPath, entry.name))]) {
    if (lstatSync(path).uid !== user.uid) await lchown(path, user.uid, user.gid);
  }
}
