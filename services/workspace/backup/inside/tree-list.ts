/**
 * Lists a tree, or compares one with such a list. Runs in the backups' box, where it sees nothing but the tree: it may
 * open by path, and what it prints is no more believed than the tree itself. Imports nothing but Node.
 *
 *   tree-list.ts list <tree> <new list> [<old list>]     hashes what the old list has not, or has otherwise
 *   tree-list.ts compare <list> <tree>                   prints a TreeComparison (contracts/backup.ts) as JSON
 *
 * A list holds one JSON line per entry, in the order of a walk that goes down at once and takes names by their bytes;
 * before them the moment when it was begun.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";

type Kind = "file" | "directory" | "link" | "pipe";

interface Entry {
  /** Below the tree, in Latin-1: one character for each byte of a name that may be no text. */
  readonly path: string;
  readonly kind: Kind;
  readonly mode: number;
  readonly size: number;
  /** Nanoseconds since 1970, as text. */
  readonly mtime: string;
  readonly ctime: string;
  readonly inode: string;
  /** SHA-256 of a file; undefined for what could not be read. */
  readonly hash?: string | undefined;
  /** Of a link. */
  readonly target?: string | undefined;
  /** The first path of the same file. */
  readonly same?: string | undefined;
}

const CHUNK = 1024 * 1024;
const MAX_EXAMPLES = 20;
const buffer = Buffer.alloc(CHUNK);
const bytes = (text: string) => Buffer.from(text, "latin1");

/** The tree's own folder first, as the path "". */
function* wholeTree(root: string): Generator<Entry> {
  const top = look(root, "", new Map());
  if (top !== undefined) yield top;
  yield* walk(root);
}

function* walk(root: string, folder = "", links = new Map<string, string>()): Generator<Entry> {
  const names = fs
    .readdirSync(bytes(`${root}/${folder}`), { encoding: "buffer" })
    .sort((one, other) => Buffer.compare(one, other));
  for (const name of names) {
    const path = `${folder === "" ? "" : `${folder}/`}${name.toString("latin1")}`;
    const entry = look(root, path, links);
    if (entry === undefined) continue;
    yield entry;
    if (entry.kind !== "directory") continue;
    try {
      yield* walk(root, path, links);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** Undefined for sockets, which no restore brings back, and for what is gone. */
function look(root: string, path: string, links: Map<string, string>): Entry | undefined {
  try {
    const stats = fs.lstatSync(bytes(`${root}/${path}`), { bigint: true });
    const kind = kindOf(stats);
    if (kind === undefined) return undefined;
    const inode = String(stats.ino);
    const first = links.get(inode);
    if (stats.nlink > 1n && kind !== "directory" && first === undefined) links.set(inode, path);
    return {
      path,
      kind,
      mode: Number(stats.mode & 0o7777n),
      size: kind === "file" ? Number(stats.size) : 0,
      mtime: String(stats.mtimeNs),
      ctime: String(stats.ctimeNs),
      inode,
      ...(kind === "link" && { target: fs.readlinkSync(bytes(`${root}/${path}`), "latin1") }),
      ...(kind !== "directory" && first !== undefined && { same: first }),
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function kindOf(stats: fs.BigIntStats): Kind | undefined {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "link";
  return stats.isFIFO() ? "pipe" : undefined;
}

/** Changed under our hands, too deep for a path, or not ours to read. */
const isGone = (error: unknown) =>
  ["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM", "ENAMETOOLONG", "EINVAL", "ENXIO"].includes(
    String((error as { code?: unknown }).code),
  );

function hashOf(root: string, { path, same }: Entry): string | undefined {
  if (same !== undefined) return undefined; // its first path has it
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  try {
    const fd = fs.openSync(bytes(`${root}/${path}`), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      if (!fs.fstatSync(fd).isFile()) return undefined;
      const hash = createHash("sha256");
      for (let length = 1; length > 0;) {
        length = fs.readSync(fd, buffer, 0, CHUNK, null);
        hash.update(buffer.subarray(0, length));
      }
      return hash.digest("hex");
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function* readList(file: string | undefined): Generator<Entry> {
  if (file === undefined || !fs.existsSync(file)) return;
  const fd = fs.openSync(file, "r");
  const chunk = Buffer.alloc(CHUNK);
  let rest = "";
  for (;;) {
    const length = fs.readSync(fd, chunk, 0, CHUNK, null);
    if (length === 0) break;
    const lines = (rest + chunk.toString("latin1", 0, length)).split("\n"); // JSON.stringify below leaves ASCII alone
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) yield JSON.parse(line) as Entry;
  }
  fs.closeSync(fd);
}

/** When the list was begun, in nanoseconds since 1970, less what the clock of files may be behind. */
function beginOf(file: string): bigint {
  const fd = fs.openSync(file, "r");
  const text = buffer.toString("latin1", 0, fs.readSync(fd, buffer, 0, 100, 0));
  fs.closeSync(fd);
  return BigInt(/^(\d+)\n/.exec(text)?.[1] ?? 0) - 1_000_000_000n;
}

/** In ASCII, so that no chunk cuts a character in two. */
const toLine = (entry: Entry) =>
  `${JSON.stringify(entry).replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;

/** The walk's order: a folder, all that is in it, then what follows. */
const order = (one: string, other: string) =>
  Buffer.compare(bytes(one.replaceAll("/", "\0")), bytes(other.replaceAll("/", "\0")));

/** Both in the walk's order: what has the same path comes together. */
function* join(ones: Iterator<Entry>, others: Iterator<Entry>): Generator<[Entry | undefined, Entry | undefined]> {
  let one = ones.next();
  let other = others.next();
  while (one.done !== true || other.done !== true) {
    const turn = one.done === true ? 1 : other.done === true ? -1 : order(one.value.path, other.value.path);
    yield [turn <= 0 ? (one.value as Entry) : undefined, turn >= 0 ? (other.value as Entry) : undefined];
    if (turn <= 0) one = ones.next();
    if (turn >= 0) other = others.next();
  }
}

function list(tree: string, target: string, previous: string | undefined): void {
  const out = fs.openSync(target, "w", 0o600);
  let pending = `${BigInt(Date.now()) * 1_000_000n}\n`;
  for (const [entry, old] of join(wholeTree(tree), readList(previous))) {
    if (entry === undefined) continue;
    const unchanged =
      old?.hash !== undefined &&
      (["size", "mtime", "ctime", "inode"] as const).every((field) => old[field] === entry[field]);
    const hash = entry.kind !== "file" ? undefined : unchanged ? old.hash : hashOf(tree, entry);
    pending += toLine({ ...entry, hash });
    if (pending.length > CHUNK) {
      fs.writeSync(out, pending);
      pending = "";
    }
  }
  fs.writeSync(out, pending);
  fs.closeSync(out);
}

function compare(listFile: string, tree: string) {
  const counts = { files: 0, directories: 0, links: 0, others: 0, bytes: 0 };
  const found = { different: 0, missing: 0, extra: 0, changedMeanwhile: 0 };
  const examples: string[] = [];
  /** What was written to between the list and the backup; what came to or went from such a folder tells nothing. */
  const moved = new Set<string>();
  const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")));
  const begin = beginOf(listFile);
  const count = ({ kind, size }: Entry) => {
    counts[({ file: "files", directory: "directories", link: "links", pipe: "others" } as const)[kind]] += 1;
    counts.bytes += size;
  };
  for (const [listed, restored] of join(readList(listFile), wholeTree(tree))) {
    const path = (listed ?? restored)?.path ?? "";
    if (restored !== undefined) count(restored);
    const what =
      listed === undefined ? "is new" : restored === undefined ? "is missing" : difference(listed, restored, tree);
    if (what === undefined) continue;
    // Written to between the list and the backup: the two saw it, or the folder that it is in, at two moments.
    const isNewer = restored !== undefined && BigInt(restored.mtime) >= begin;
    if (isNewer || moved.has(parentOf(path))) {
      moved.add(path);
      found.changedMeanwhile += 1;
      continue;
    }
    found[listed === undefined ? "extra" : restored === undefined ? "missing" : "different"] += 1;
    const name = JSON.stringify(bytes(path).toString("utf8"));
    if (examples.length < MAX_EXAMPLES) examples.push(`${name}: ${what}`.slice(0, 5_000));
  }
  return { ...counts, ...found, examples };
}

function difference(listed: Entry, restored: Entry, tree: string): string | undefined {
  for (const field of ["kind", "mode", "size", "mtime", "target", "same"] as const) {
    if (listed[field] !== restored[field]) {
      return `${field} was ${JSON.stringify(listed[field])}, is ${JSON.stringify(restored[field])}`;
    }
  }
  if (listed.hash === undefined) return undefined; // no file, its first path was compared, or it could not be read
  return listed.hash === hashOf(tree, restored) ? undefined : "has another content";
}

const [verb, ...paths] = process.argv.slice(2);
const [first = "", second = "", third] = paths;
if (verb === "list") list(first, second, third);
else if (verb === "compare") process.stdout.write(`${JSON.stringify(compare(first, second))}\n`);
else throw new Error(`there is no ${String(verb)}`);
