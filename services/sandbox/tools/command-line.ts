import { PlatformError } from "../../../contracts/errors.ts";

/** A piece of a word: text as it is, a variable of the sandbox's environment, or a pattern for file names. */
export type WordPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "glob"; readonly text: "*" | "?" };
export type Word = readonly WordPart[];

export interface Redirection {
  readonly operator: "<" | ">" | ">>" | "2>" | "2>>" | "2>&1";
  /** Where to or from; none for `2>&1`. */
  readonly target: Word | undefined;
}

export interface SimpleCommand {
  /** `NAME=value` before the program. */
  readonly assignments: readonly { readonly name: string; readonly value: Word }[];
  readonly words: readonly [Word, ...Word[]];
  readonly redirections: readonly Redirection[];
}

/** Commands joined by `|`. */
export type Pipeline = readonly [SimpleCommand, ...SimpleCommand[]];
/** Pipelines joined by `&&`, `||` or `;`: each with the operator before it. */
export type CommandLine = readonly { readonly join: "&&" | "||" | ";" | undefined; readonly pipeline: Pipeline }[];

export class CommandLineInvalidError extends PlatformError {
  constructor(command: string, reason: string) {
    super("COMMAND_LINE_INVALID", `command ${JSON.stringify(command.slice(0, 200))}: ${reason}`, {
      remedy:
        "Use words, quotes, $VARIABLE, * and ?, pipes, &&, ||, ; and redirections to files; " +
        "for anything else write a script with write_file and run it.",
      status: 422,
    });
  }
}

type Token = { readonly word: Word } | { readonly operator: string };

const OPERATORS = ["2>&1", "2>>", "2>", "&&", "||", ">>", ">", "<", "|", ";"] as const;
const REDIRECTIONS: readonly string[] = ["<", ">", ">>", "2>", "2>>"];
const VARIABLE = /^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/;
const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=/;
/** What a shell would give a meaning that this language does not have. */
const REFUSED: Readonly<Record<string, string>> = {
  "`": "command substitution is not supported",
  "(": "subshells are not supported",
  ")": "subshells are not supported",
  "{": "braces are not supported outside quotes",
  "}": "braces are not supported outside quotes",
  "&": "background commands are not supported: they would outlive the step",
  "[": "character classes are not supported outside quotes",
  "#": "comments are not supported",
  "!": "negation is not supported",
  "~": "~ is not supported outside quotes; the workspace is the home",
};

/** Reads words and operators as a POSIX shell would, of the part of its language that is supported here. */
class Lexer {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  tokens(): Token[] {
    const tokens: Token[] = [];
    for (;;) {
      while (/[ \t\n]/.test(this.#text[this.#at] ?? "")) {
        if (this.#text[this.#at] === "\n" && this.#text.slice(this.#at).trim() !== "" && tokens.length > 0)
          tokens.push({ operator: ";" });
        this.#at += 1;
        while (/[ \t\n]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
      }
      if (this.#at >= this.#text.length) return tokens;
      const operator = OPERATORS.find((candidate) => this.#text.startsWith(candidate, this.#at));
      if (operator === undefined) tokens.push({ word: this.#word() });
      else {
        this.#at += operator.length;
        tokens.push({ operator });
      }
    }
  }

  #fail(reason: string): never {
    throw new CommandLineInvalidError(this.#text, reason);
  }

  #word(): Word {
    const parts: WordPart[] = [];
    let quoted = false;
    const push = (text: string) => {
      if (text === "") return;
      const last = parts.at(-1);
      if (last?.kind === "text") parts[parts.length - 1] = { kind: "text", text: last.text + text };
      else parts.push({ kind: "text", text });
    };
    for (; this.#at < this.#text.length;) {
      const char = this.#text[this.#at] ?? "";
      if (/[ \t\n;|<>]/.test(char)) break;
      if (char === "&" && this.#text[this.#at + 1] === "&") break;
      if (char === "'") {
        quoted = true;
        push(this.#singleQuoted());
      } else if (char === '"') {
        quoted = true;
        this.#doubleQuoted(parts, push);
      } else if (char === "\\") {
        const next = this.#text[this.#at + 1];
        if (next === undefined) this.#fail("ends with a backslash");
        push(next);
        this.#at += 2;
      } else if (char === "$") this.#dollar(parts, push);
      else if (char === "*" || char === "?") {
        parts.push({ kind: "glob", text: char });
        this.#at += 1;
      } else if (this.#isRefused(char, parts.length === 0)) this.#fail(REFUSED[char] ?? "");
      else {
        push(char);
        this.#at += 1;
      }
    }
    if (parts.length === 0 && !quoted) this.#fail("an empty word");
    return parts.length === 0 ? [{ kind: "text", text: "" }] : parts;
  }

  #isRefused(char: string, atStart: boolean): boolean {
    if (!(char in REFUSED)) return false;
    return atStart || !"#!~".includes(char); // these three mean something at the start of a word only
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) this.#fail("a single quote is not closed");
    const text = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return text;
  }

  #doubleQuoted(parts: WordPart[], push: (text: string) => void): void {
    this.#at += 1;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) this.#fail("a double quote is not closed");
      if (char === '"') break;
      if (char === "`") this.#fail(REFUSED["`"] ?? "");
      if (char === "$") {
        this.#dollar(parts, push);
        continue;
      }
      const next = this.#text[this.#at + 1] ?? "";
      const escapes = char === "\\" && '$`"\\'.includes(next) && next !== "";
      push(escapes ? next : char);
      this.#at += escapes ? 2 : 1;
    }
    this.#at += 1;
  }

  #dollar(parts: WordPart[], push: (text: string) => void): void {
    const rest = this.#text.slice(this.#at);
    const variable = VARIABLE.exec(rest);
    if (variable !== null) {
      parts.push({ kind: "variable", name: variable[1] ?? variable[2] ?? "" });
      this.#at += variable[0].length;
    } else if (/^\$[({'"0-9@*#?!$-]/.test(rest)) this.#fail("of $ only $NAME and ${NAME} are supported");
    else {
      push("$");
      this.#at += 1;
    }
  }
}

/**
 * Parses a command line. What is not supported is refused rather than guessed at.
 *
 * @throws CommandLineInvalidError
 */
export function parseCommandLine(text: string): CommandLine {
  const fail = (reason: string): never => {
    throw new CommandLineInvalidError(text, reason);
  };
  if (text.includes("\0")) fail("holds a NUL byte");
  const tokens = new Lexer(text).tokens();
  const line: { join: "&&" | "||" | ";" | undefined; pipeline: Pipeline }[] = [];
  let join: "&&" | "||" | ";" | undefined;
  let pipeline: SimpleCommand[] = [];
  let current: Token[] = [];
  const endCommand = () => {
    pipeline.push(simpleCommand(current, fail));
    current = [];
  };
  const endPipeline = () => {
    endCommand();
    line.push({ join, pipeline: pipeline as unknown as Pipeline });
    pipeline = [];
  };
  tokens.forEach((token, index) => {
    if (!("operator" in token) || REDIRECTIONS.includes(token.operator) || token.operator === "2>&1")
      current.push(token);
    else if (token.operator === "|") endCommand();
    else if (token.operator === ";" && index === tokens.length - 1) return;
    else {
      endPipeline();
      join = token.operator as "&&" | "||" | ";";
    }
  });
  endPipeline();
  return line;
}

function simpleCommand(tokens: readonly Token[], fail: (reason: string) => never): SimpleCommand {
  const words: Word[] = [];
  const assignments: { name: string; value: Word }[] = [];
  const redirections: Redirection[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token === undefined) continue;
    if ("operator" in token) {
      if (token.operator === "2>&1") {
        redirections.push({ operator: "2>&1", target: undefined });
        continue;
      }
      const target = tokens[(index += 1)];
      if (target === undefined || !("word" in target)) return fail(`${token.operator} needs a file`);
      redirections.push({ operator: token.operator as Redirection["operator"], target: target.word });
      continue;
    }
    const assignment = words.length === 0 ? asAssignment(token.word) : undefined;
    if (assignment === undefined) words.push(token.word);
    else assignments.push(assignment);
  }
  const [first, ...rest] = words;
  if (first === undefined) return fail("a command is missing");
  return { assignments, words: [first, ...rest], redirections };
}

function asAssignment(word: Word): { name: string; value: Word } | undefined {
  const [first, ...rest] = word;
  const match = first?.kind === "text" ? ASSIGNMENT.exec(first.text) : null;
  if (first?.kind !== "text" || match?.[1] === undefined) return undefined;
  return { name: match[1], value: [{ kind: "text", text: first.text.slice(match[0].length) }, ...rest] };
}

const renderWord = (word: Word): string =>
  word
    .map((part) => {
      if (part.kind === "text") return `'${part.text.replaceAll("'", `'\\''`)}'`;
      return part.kind === "variable" ? `"\${${part.name}}"` : part.text;
    })
    .join("");

/** The same line for the shell inside the sandbox: every text quoted, so that it means there what it was parsed to. */
export function renderCommandLine(line: CommandLine): string {
  const command = ({ assignments, words, redirections }: SimpleCommand) =>
    [
      ...assignments.map(({ name, value }) => `${name}=${renderWord(value)}`),
      ...words.map(renderWord),
      ...redirections.map(({ operator, target }) =>
        target === undefined ? operator : `${operator} ${renderWord(target)}`,
      ),
    ].join(" ");
  return line
    .map(({ join, pipeline }) => `${join === undefined ? "" : ` ${join} `}${pipeline.map(command).join(" | ")}`)
    .join("");
}
