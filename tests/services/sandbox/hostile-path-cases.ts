/** What is asked for, its path, and what each tool that takes a path answers. */
export type PathCase = readonly [what: string, path: string, outcome: PathOutcome];

/**
 * A code: every tool answers it. INSIDE: a name like any other, that is not there; a file of that very name can be made
 * in the workspace, and lies nowhere else.
 */
export type PathOutcome =
  "INVALID_TOOL_INPUT" | "PATH_OUTSIDE_WORKSPACE" | "PATH_IS_SYMLINK" | "PATH_TOO_LONG" | "NOT_A_DIRECTORY" | "INSIDE";

/**
 * Links of the workspace under attack, by name; `OTHER` stands for the folder of somebody else. Files: `dir/file`,
 * `link-to-file` names it a second time.
 */
export const LINKS: Readonly<Record<string, string>> = {
  absolute: "OTHER/secret",
  out: "OTHER",
  up: "..",
  upup: "../..",
  sibling: "../other",
  "dir/up": "../..",
  "dir/out": "OTHER",
  chain: "chain2",
  chain2: "out",
  root: "/proc/self/root",
  proc: "/proc",
  cwd: "/proc/self/cwd",
  pid1: "/proc/1/root",
  fds: "/proc/self/fd",
  devfd: "/dev/fd",
  stdin: "/dev/stdin",
  null: "/dev/null",
  environ: "/proc/self/environ",
  etc: "/etc",
  slash: "/",
  dots: "./././..",
  detour: "dir/../../other",
  loop: "loop",
  ping: "pong",
  pong: "ping",
  dangling: "/nowhere",
  "dangling-inside": "none",
  "to-own-file": "dir/file",
  "to-own-dir": "dir",
  "to-itself": ".",
  "very-long": `${"d/".repeat(500)}x`,
  "with space": "OTHER",
  újra: "OTHER",
};

const OUTSIDE = "PATH_OUTSIDE_WORKSPACE";
const INVALID = "INVALID_TOOL_INPUT";
const SYMLINK = "PATH_IS_SYMLINK";
const all = (outcome: PathOutcome, what: string, paths: readonly string[]): PathCase[] =>
  paths.map((path) => [`${what}: ${show(path)}`, path, outcome]);

const UPWARDS = all(OUTSIDE, "leads up", [
  ...["..", "../", "../.", "./..", "././..", "..//", ".//..//", "../..", "../../..", "a/../..", "a/b/../../.."],
  ...["../other/secret", "./../other/secret", "../other/../other/secret", "dir/../../other/secret"],
  ...["dir//..//..//other/secret", "none/../../other/secret", "dir/file/../../../other/secret"],
  ...["dir/./.././../other/secret", "a/b/c/../../../../other/secret", "out/../../other/secret"],
  ...["../workspace-1x", "../workspace-1/dir/file", "../workspace-10/dir/file", "../.automatos/secret"],
  ...["../other", "../other/", "../runtime/etc/passwd", "../", "..///..///etc/passwd", "....//../..//../other/secret"],
  ...[
    "\t/../../other/secret",
    " /../../other/secret",
    "../\u202esecret",
    "x/../../\u00e9",
    "..\\../../../other/secret",
  ],
  ...[1, 2, 3, 10, 50, 200, 1_000].map((count) => `${"../".repeat(count)}etc/passwd`),
  ...[1, 5, 50, 400].map((count) => `${"d/".repeat(count)}${"../".repeat(count + 1)}other/secret`),
]);

const ABSOLUTE = all(INVALID, "absolute", [
  ...["/", "//", "///", "/.", "/..", "/etc/passwd", "//etc/passwd", "///etc///passwd", "/./etc/passwd"],
  ...["/proc/self/root/etc/passwd", "/proc/self/cwd", "/proc/1/environ", "/dev/fd/0", "/dev/stdin", "/dev/zero"],
  ...["/workspace", "/workspace/dir/file", "/workspace/../other/secret", "/sys/fs/cgroup", "/tmp"],
]);

const BYTES = all(INVALID, "no path at all", [
  ...["", "\0", "dir/file\0", "dir/file\0.txt", "\0/../../other/secret", "dir\0/file", "..\0", "../\0other"],
  ...["\ud800", "\udc00", "dir/\ud83d", "\udfff/file", "a\ud800b/../x", "dir/\udc00\ud800"],
  ...["x".repeat(4_097), "a/".repeat(3_000), `${"../".repeat(2_000)}etc`, "\u00e9".repeat(4_097)],
]);

/** Longer than NAME_MAX, in bytes: 255. The whole may be as long as the schema takes, as it is walked part by part. */
const LONG: readonly PathCase[] = [
  ...all("PATH_TOO_LONG", "too long a part", [
    "n".repeat(256),
    `${"n".repeat(256)}/x`,
    `dir/${"n".repeat(300)}`,
    `dir/${"n".repeat(4_000)}`,
    "\u00e9".repeat(128),
    "\u{1f4a3}".repeat(64),
    "e\u0301".repeat(86),
    "\u202e".repeat(86),
  ]),
  ...all("INSIDE", "as long as it may be", [
    "n".repeat(240),
    "\u00e9".repeat(120),
    "\u{1f4a3}".repeat(60),
    "d/".repeat(1_500) + "x",
    `${"n".repeat(200)}/${"m".repeat(200)}/${"o".repeat(200)}/x`,
  ]),
];

const THROUGH_LINKS: readonly PathCase[] = [
  ...all(SYMLINK, "a link", Object.keys(LINKS)),
  ...all(SYMLINK, "through a link", [
    ...["out/secret", "up/other/secret", "upup/etc/passwd", "sibling/secret", "dir/up/other/secret", "dir/out/secret"],
    ...["chain/secret", "chain2/secret", "root/etc/passwd", "root/proc/self/root/etc/passwd", "proc/self/environ"],
    ...["cwd/package.json", "pid1/etc/shadow", "fds/0", "fds/1", "devfd/0", "stdin/x", "null/x", "etc/passwd"],
    ...["slash/etc/passwd", "dots/other/secret", "detour/secret", "loop/x", "loop/loop/loop", "ping/x", "pong/x"],
    ...["dangling/x", "dangling-inside/x", "to-own-file/x", "to-own-dir/file", "to-itself/dir/file"],
    ...["to-itself/to-itself/dir/file", "very-long/x", "with space/secret", "újra/secret", "./out/secret"],
    ...["out/./secret", "out//secret", "dir/../out/secret", "none/../out/secret", "out/../out/secret"],
    ...["out/none", "out/none/deeper", "out/dir/../secret", "root/../etc/x", "dir/up/workspace-1/dir/file"],
  ]),
  ...all("NOT_A_DIRECTORY", "a file as a folder", [
    ...["dir/file/x", "dir/file/x/y", "dir/file/./x", "link-to-file/x", "dir/file/none/../x", "./dir/file/\u202e"],
  ]),
];

/** Read as something else by a shell, a URL, another system or a sloppy normalisation: names like any other here. */
const ONLY_NAMES = all("INSIDE", "a name", [
  ...[
    "..\\..\\other\\secret",
    "dir\\..\\..\\x",
    "C:\\Windows\\x",
    "C:x",
    "\\\\host\\share\\x",
    "con",
    "nul.txt",
    "aux",
  ],
  ...["%2e%2e/x", "%2e%2e%2fother%2fsecret", "%252e%252e/x", "..%2fx", "..%5cx", "%c0%ae%c0%ae/x", "%00", "%u002e"],
  ...["\uff0e\uff0e/x", "\u2025/x", "\u2024\u2024/x", "\u3002\u3002/x", "\ufe52\ufe52/x", "\u00b7\u00b7/x", "\u2026/x"],
  ...["..\u2215other", "..\u2044other", "..\uff0fother", "..\u29f8other", "..\u2571other", "..\uff3cother"],
  ...[
    "\u202e../x",
    "..\u202e/x",
    "\u200b../x",
    "..\u200b/x",
    "\u200d..",
    "..\u2060/x",
    "\ufeff../x",
    "\u2066..\u2069/x",
  ],
  ...["\u200f../x", "\u061c../x", "..\u00a0/x", "..\u00ad/x", "..\u034f/x", "..\ufe0f/x", "..\u{e0020}/x"],
  ...["\u00c0\u00ae\u00c0\u00ae/x", "\u00e0\u0080\u00ae/x", "\u00c0\u00af", "\u00f0\u0080\u0080\u00ae"],
  ...[
    "e\u0301-decomposed",
    "\u00e9-composed",
    "\u1e69-composed",
    "s\u0323\u0307-decomposed",
    "\u212b-angstrom",
    "\ufb01-ligature",
  ],
  ...["~/x", "~root/x", "~", "$HOME/x", "${HOME}/x", "$(id)", "`id`", "a;id", "a|id", "a&&id", "a>b", "a<b", "!!", "*"],
  ...[
    "?",
    "[a]",
    "{a,b}",
    "a b",
    " ",
    "  leading",
    "trailing ",
    "-rf",
    "--help",
    "-",
    "'",
    '"',
    "a'b",
    "#x",
    "a=b",
    "@x",
  ],
  ...["file:///etc/passwd", "http://127.0.0.1/x", "data:,x", "git@host:x", "ext::id", "sys/kernel/x", "dev/fd/0"],
  ...[
    "...",
    "....",
    ".../x",
    ".. /x",
    " ../x",
    "..\t/x",
    "..\n/x",
    "..\r/x",
    ".\u0001./x",
    "..;/x",
    "..x",
    "x..",
    "...",
  ],
  ...[
    "\u0001",
    "\u0007",
    "\b",
    "\t",
    "\n",
    "\v",
    "\f",
    "\r",
    "\u001b[2J",
    "\u001b]0;x\u0007",
    "\u007f",
    "\u0085",
    "\u009b31m",
  ],
  ...[
    "\u2028",
    "\u2029",
    "\ufffd",
    "\ufffe",
    "\uffff",
    "\u{10ffff}",
    "\u{1f4a3}",
    "\u0000".replace("\0", "nul-picture-\u2400"),
  ],
  ...[
    "name.",
    "name::$DATA",
    ".git/config",
    ".git/hooks/post-checkout",
    ".gitmodules",
    ".npmrc",
    ".ssh-x/id",
    "__proto__",
  ],
  ...[
    "constructor",
    "toString",
    "1e9",
    "null-",
    "undefined",
    "true",
    "-0",
    "NaN",
    "%s%n",
    "{{7*7}}",
    "${7*7}",
    "<x>",
    "\u0430bc",
  ],
]);

const unique = new Map(
  [UPWARDS, ABSOLUTE, BYTES, LONG, THROUGH_LINKS, ONLY_NAMES].flat().map((row) => [row[1], row] as const),
);
export const PATH_CASES: readonly PathCase[] = [...unique.values()];

/** As JSON, so that what cannot be seen can be read; the middle of what is long is left out. */
function show(path: string): string {
  const text = JSON.stringify(path).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return text.length > 100 ? `${text.slice(0, 50)}...${text.slice(-20)} (${path.length})` : text;
}
