import { PlatformError } from "../../../contracts/errors.ts";
import { type CommandLine, renderCommandLine, type Word } from "./command-line.ts";

/**
 * Hygiene, not a wall: most of these programs can start any other. It stops accidents and gives a model a clear answer.
 * The wall is the sandbox (docs/decisions/0006).
 */
const ALLOWED_PROGRAMS: ReadonlySet<string> = new Set(
  (
    "git python python3 pip pip3 uv pytest ruff black mypy isort flake8 node npm npx pnpm yarn vitest jest tsc eslint prettier " +
    "ls cat grep find tree wc sort head tail diff patch jq curl wget make tar gzip zip unzip cargo go ruby java javac mvn gradle " +
    "cd echo printf pwd true false test mkdir cp mv rm touch sed cut tr uniq sleep date"
  ).split(" "),
);

/** Programs that are refused with a reason of their own. */
const BLOCKED_PROGRAMS: ReadonlySet<string> = new Set(["sudo", "su", "docker", "kubectl", "ssh", "mkfs"]);

/** Patterns over a command with its quotes resolved, words joined by one space. */
const BLOCKED_PATTERNS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^rm(?= (?:.* )?(?:-[a-zA-Z]*[rR]|--recursive))(?: .*)? \/+[*.]?(?: |$)/, "rm -rf /"],
  [/^chmod (?:.* )?0?777(?: |$)/, "chmod 777"],
  [/^dd (?:.* )?if=/, "dd if="],
  [/^mkfs/, "mkfs"],
];

export class CommandNotAllowedError extends PlatformError {
  constructor(what: string, reason: string) {
    super("COMMAND_NOT_ALLOWED", `${JSON.stringify(what.slice(0, 200))} ${reason}`, {
      remedy: `Use one of: ${[...ALLOWED_PROGRAMS].sort().join(", ")}.`,
      status: 403,
    });
  }
}

const asText = (word: Word): string =>
  word.map((part) => (part.kind === "variable" ? `$${part.name}` : part.text)).join("");

/** @throws CommandNotAllowedError for a program that is not on the list, and for a blocked pattern. */
export function checkArguments(argv: readonly string[]): void {
  const program = argv[0] ?? "";
  const name = program.slice(program.lastIndexOf("/") + 1);
  if (BLOCKED_PROGRAMS.has(name)) throw new CommandNotAllowedError(name, "is blocked");
  const text = [name, ...argv.slice(1)].join(" ");
  for (const [pattern, what] of BLOCKED_PATTERNS) {
    if (pattern.test(text))
      throw new CommandNotAllowedError(text, `matches the blocked pattern ${JSON.stringify(what)}`);
  }
  if (!ALLOWED_PROGRAMS.has(name)) throw new CommandNotAllowedError(program, "is not on the list of programs");
}

/** The same for every command of a line, and for the files that it is redirected to. */
export function checkCommandLine(line: CommandLine): void {
  for (const command of line.flatMap(({ pipeline }) => pipeline)) {
    checkArguments(command.words.map(asText));
    for (const { operator, target } of command.redirections) {
      const file = target === undefined ? "" : asText(target);
      if (operator !== "<" && file.startsWith("/dev/") && file !== "/dev/null") {
        throw new CommandNotAllowedError(renderCommandLine(line), 'matches the blocked pattern "> /dev/"');
      }
    }
  }
}
