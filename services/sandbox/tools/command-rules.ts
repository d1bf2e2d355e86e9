import { splitWorkspacePath } from "../../workspace/safe-path.ts";
import { INSIDE } from "../inner-script.ts";
import { literal, type CommandLine, type Redirection, type SimpleCommand, type Word } from "./command-line.ts";
import { CommandBlockedError, CommandNotAllowedError, CommandSyntaxError } from "./tool-errors.ts";

/**
 * Programs that a command may start. Hygiene, not a boundary: most of them can start any other. It keeps an agent on
 * the tools that are meant for it, and gives a clear answer early. The boundary is the sandbox.
 */
export const ALLOWED_PROGRAMS: ReadonlySet<string> = new Set(
  [
    "git",
    "python python3 pip pip3 uv pytest ruff black mypy isort flake8",
    "node npm npx pnpm yarn vitest jest tsc eslint prettier",
    "ls cat grep find tree wc sort head tail diff patch jq",
    "curl wget",
    "make tar gzip zip unzip",
    "cargo go ruby java javac mvn gradle",
  ].flatMap((group) => group.split(" ")),
);

/** What a line needs to hold together, and the everyday work on files: without them every agent writes scripts for it. */
export const LINE_PROGRAMS: ReadonlySet<string> = new Set(
  "cd pwd echo printf true false test [ mkdir cp mv rm touch sed cut tr uniq sleep date".split(" "),
);
/** `python3.12`, `pip3.12`: a version of a program on the list. */
const VERSIONED = /^(python|pip)[23](\.\d{1,2})?$/;
const BLOCKED_PROGRAMS = /^(sudo|su|docker|kubectl|ssh|mkfs(\..*)?)$/;
const EXEC_OPTIONS = new Set(["-exec", "-execdir", "-ok", "-okdir"]);

/** Checks a command that is given as arguments. */
export function checkArguments(argv: readonly [string, ...string[]]): void {
  checkPatterns(argv);
  checkProgram(argv[0], false);
}

/** Checks every command of a line. `cwd` is the folder that it starts in, below the workspace. */
export function checkCommandLine(line: CommandLine, cwd: string): void {
  const commands = line.flatMap(({ pipeline }) => pipeline);
  const changesFolder = commands.some(({ words }) => literal(words[0] ?? []) === "cd");
  for (const command of commands) {
    checkPatterns([programOf(command), ...command.words.slice(1).map(asText)]);
    checkProgram(programOf(command), true);
    for (const redirection of command.redirections) checkRedirection(redirection, changesFolder ? undefined : cwd);
  }
}

function programOf({ words }: SimpleCommand): string {
  const program = literal(words[0] ?? []);
  if (program !== undefined) return program;
  throw new CommandSyntaxError("the program's name has something to expand", "Write the program's name as it is.");
}

const asText = (word: Word): string =>
  word
    .map((part) => (part.type === "text" ? part.text : part.type === "glob" ? part.pattern : `$${part.name}`))
    .join("");

function checkProgram(program: string, inLine: boolean): void {
  const name = program.slice(program.lastIndexOf("/") + 1);
  if (ALLOWED_PROGRAMS.has(name) || VERSIONED.test(name)) return;
  if (LINE_PROGRAMS.has(name) && (inLine || name !== "cd")) return;
  throw new CommandNotAllowedError(program);
}

/** The blocked patterns of commands, also of those that `find` would start. */
function checkPatterns(words: readonly string[]): void {
  const starts = [0, ...words.flatMap((word, index) => (EXEC_OPTIONS.has(word) ? [index + 1] : []))];
  for (const start of starts) {
    const [program = "", ...args] = words.slice(start);
    const name = program.slice(program.lastIndexOf("/") + 1);
    if (BLOCKED_PROGRAMS.test(name)) throw new CommandBlockedError(name);
    if (
      name === "rm" &&
      args.some((arg) => /^\/+[*.]?$/.test(arg)) &&
      args.some((arg) => /^-[a-zA-Z]*[rR]|^--recursive$/.test(arg))
    ) {
      throw new CommandBlockedError("rm -rf /");
    }
    if (name === "chmod" && args.some((arg) => /^0*777$/.test(arg))) throw new CommandBlockedError("chmod 777");
    if (name === "dd" && args.some((arg) => arg.startsWith("if="))) throw new CommandBlockedError("dd if=");
  }
}

/** A file below the workspace, or /dev/null. After a `cd` only the sandbox knows where a relative path leads. */
function checkRedirection({ operator, target }: Redirection, cwd: string | undefined): void {
  if (operator === ">&") return;
  const path = targetPath(target);
  if (path === "/dev/null") return;
  if (path.startsWith("/dev/")) throw new CommandBlockedError("> /dev/");
  const inside = `${INSIDE.workspace}/`;
  if (path.startsWith(inside)) splitWorkspacePath(path.slice(inside.length));
  else if (path.startsWith("/")) splitWorkspacePath(path);
  else if (cwd !== undefined) splitWorkspacePath(`${cwd}/${path}`);
}

function targetPath(target: Word): string {
  const path = literal(target);
  if (path === undefined || path === "") {
    throw new CommandSyntaxError("a redirection needs a plain file name", "Write the name without `$`, `*` or `?`.");
  }
  return path;
}
