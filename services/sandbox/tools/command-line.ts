import { CommandSyntaxError } from "./tool-errors.ts";

/** A piece of a word. `glob` and `variable` are expanded inside the sandbox; `text` is what it is. */
export type WordPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "glob"; readonly pattern: string }
  | { readonly type: "variable"; readonly name: string };
export type Word = readonly WordPart[];

export interface Redirection {
  readonly fd: 0 | 1 | 2;
  readonly operator: "<" | ">" | ">>" | ">&";
  /** A file; of `>&` the descriptor. */
  readonly target: Word;
}

export interface SimpleCommand {
  readonly assignments: readonly { readonly name: string; readonly value: Word }[];
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
}

/** Pipelines in order; `connector` is what stands before each, `;` of the first. */
export type CommandLine = readonly {
  readonly connector: "&&" | "||" | ";";
  readonly pipeline: readonly SimpleCommand[];
}[];

const NEEDS_A_SCRIPT = "Write a script with write_file and run it, for example with python3 or node.";
const OPERATORS = ["&&", "||", "&>", "|", ";", "\n", "&"] as const;
const REDIRECTION = /^([012]?)(>>|>&|>|<)/;
const NOT_SUPPORTED: readonly (readonly [RegExp, string, string])[] = [
  [/^[0-9]?<</, "here-documents are not supported", "Give the text as `stdin`."],
  [/^[()]/, "subshells are not supported", NEEDS_A_SCRIPT],
  [/^!(?=\s|$)/, "negation (`!`) is not supported", "List the exit code in the step's expectedExitCodes."],
  [/^[{}](?=\s|;|$)/, "command groups are not supported", NEEDS_A_SCRIPT],
  [/^\|&/, "`|&` is not supported", "Write `2>&1 |`."],
  [/^(?![012][<>])[0-9]+[<>]/, "only descriptors 0, 1 and 2 can be redirected", NEEDS_A_SCRIPT],
];
/** What bash makes several words of, wherever it stands in a word. */
const BRACES = /^\{[^ \t\r\n{}]*(,|\.\.)[^ \t\r\n{}]*\}/;
/** Blanks of a shell, not of Unicode: a no-break space, or a byte order mark, is a character of a word. */
const WORD_END = /[ \t\r\n;|&<>()]/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;
/** A bracket expression that means the same in every shell; others stand for themselves. */
const BRACKETS = /^\[[!^]?[A-Za-z0-9_.-]+\]/;

/**
 * Parses a command line as people write it: words, quotes, backslashes, `|`, `&&`, `||`, `;`, `NAME=value` before a
 * program, `<`, `>`, `>>`, `2>`, `2>&1`, `&>`, comments. `*`, `?`, `[a-z]`, `~/`, `$NAME` and `${NAME}` are kept for
 * expansion; a variable stays one word, as if it were quoted. Everything else that a shell would interpret (command
 * substitution, arithmetic, here-documents, subshells, background jobs, functions) is an error that says so.
 *
 * @throws CommandSyntaxError
 */
export function parseCommandLine(line: string): CommandLine {
  return new Parser(line).parse();
}

class Parser {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    if (line.includes("\0")) throw new CommandSyntaxError("it holds a NUL byte", "Remove it.");
    this.#line = line;
  }

  parse(): CommandLine {
    const pipelines: { connector: "&&" | "||" | ";"; pipeline: SimpleCommand[] }[] = [];
    let connector: "&&" | "||" | ";" = ";";
    this.#skipBlanks(true);
    while (this.#at < this.#line.length) {
      const pipeline = [this.#command()];
      while (this.#take("|")) pipeline.push(this.#command());
      pipelines.push({ connector, pipeline });
      if (this.#take("&&")) connector = "&&";
      else if (this.#take("||")) connector = "||";
      else connector = ";";
      if (connector === ";") this.#skipSeparators();
      else if (this.#rest().trim() === "")
        throw new CommandSyntaxError(`a command is missing after ${connector}`, "Add it.");
    }
    if (pipelines.length === 0) throw new CommandSyntaxError("it is empty", "Give a program and its arguments.");
    return pipelines;
  }

  #command(): SimpleCommand {
    const assignments: { name: string; value: Word }[] = [];
    const words: Word[] = [];
    const redirections: Redirection[] = [];
    for (;;) {
      this.#skipBlanks(words.length === 0 && assignments.length === 0);
      const rest = this.#rest();
      if (rest === "") break;
      for (const [pattern, problem, remedy] of NOT_SUPPORTED) {
        if (pattern.test(rest)) throw new CommandSyntaxError(problem, remedy);
      }
      if (rest.startsWith("&>")) {
        redirections.push(...this.#bothToFile());
        continue;
      }
      if (REDIRECTION.test(rest)) {
        redirections.push(this.#redirection());
        continue;
      }
      if (OPERATORS.some((operator) => rest.startsWith(operator))) break;
      const assignment = words.length === 0 ? /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(rest)?.[1] : undefined;
      if (assignment !== undefined) {
        this.#at += assignment.length + 1;
        assignments.push({ name: assignment, value: this.#word() });
      } else {
        words.push(this.#word());
      }
    }
    if (this.#rest().startsWith("&") && !this.#rest().startsWith("&&")) {
      throw new CommandSyntaxError(
        "background jobs (`&`) are not supported",
        "All that a command starts ends with it.",
      );
    }
    if (words.length === 0) throw new CommandSyntaxError("a program is missing", "Name one between the operators.");
    return { assignments, words, redirections };
  }

  #redirection(): Redirection {
    const match = REDIRECTION.exec(this.#rest());
    const operator = (match?.[2] ?? ">") as Redirection["operator"];
    this.#at += match?.[0].length ?? 0;
    const fd = Number(match?.[1] === "" || match?.[1] === undefined ? (operator === "<" ? 0 : 1) : match[1]) as
      0 | 1 | 2;
    this.#skipBlanks(false);
    const target = this.#file();
    if (operator === ">&" && !/^[12]$/.test(literal(target) ?? "")) {
      throw new CommandSyntaxError("`>&` goes to descriptor 1 or 2", "Write `2>&1`, or `>file 2>&1`.");
    }
    return { fd, operator, target };
  }

  /** `&>file`: both streams into one file. */
  #bothToFile(): Redirection[] {
    this.#at += 2;
    this.#skipBlanks(false);
    const target = this.#file();
    return [
      { fd: 1, operator: ">", target },
      { fd: 2, operator: ">&", target: [{ type: "text", text: "1" }] },
    ];
  }

  #file(): Word {
    const target = this.#word();
    if (target.length === 0) throw new CommandSyntaxError("a redirection has no file", "Name it.");
    return target;
  }

  #word(): Word {
    const parts: WordPart[] = [];
    const text = (value: string) => {
      const last = parts.at(-1);
      if (last?.type === "text") parts[parts.length - 1] = { type: "text", text: last.text + value };
      else parts.push({ type: "text", text: value });
    };
    const start = this.#at;
    if (/^~(?=[/\s;|&<>]|$)/.test(this.#rest())) {
      parts.push({ type: "variable", name: "HOME" });
      this.#at++;
    }
    for (;;) {
      const character = this.#line[this.#at];
      if (character === undefined || WORD_END.test(character)) break;
      if (character === "'") text(this.#singleQuoted());
      else if (character === '"') this.#doubleQuoted(text, (part) => parts.push(part));
      else if (character === "\\") text(this.#escaped());
      else if (character === "$") this.#dollar(text, (part) => parts.push(part));
      else if (character === "`") throw substitution("`…`");
      else if (BRACES.test(this.#rest())) {
        throw new CommandSyntaxError("braces (`{a,b}`) are not supported", "Write the words out, or quote them.");
      } else if (character === "*" || character === "?") {
        parts.push({ type: "glob", pattern: character });
        this.#at++;
      } else if (BRACKETS.test(this.#rest())) {
        const pattern = BRACKETS.exec(this.#rest())?.[0] ?? "";
        parts.push({ type: "glob", pattern });
        this.#at += pattern.length;
      } else {
        text(character);
        this.#at++;
      }
    }
    if (this.#at === start) return []; // nothing here, as in `A= program`: an empty word
    return parts.length === 0 ? [{ type: "text", text: "" }] : parts;
  }

  #singleQuoted(): string {
    const end = this.#line.indexOf("'", this.#at + 1);
    if (end === -1) throw new CommandSyntaxError("a single quote is not closed", "Close it.");
    const text = this.#line.slice(this.#at + 1, end);
    this.#at = end + 1;
    return text;
  }

  #doubleQuoted(text: (value: string) => void, push: (part: WordPart) => void): void {
    this.#at++;
    text("");
    for (;;) {
      const character = this.#line[this.#at];
      if (character === undefined) throw new CommandSyntaxError("a double quote is not closed", "Close it.");
      if (character === '"') break;
      if (character === "`") throw substitution("`…`");
      const next = this.#line[this.#at + 1];
      if (character === "\\" && next !== undefined && '"\\$`\n'.includes(next)) {
        if (next !== "\n") text(next);
        this.#at += 2;
      } else if (character === "$") {
        this.#dollar(text, push);
      } else {
        text(character);
        this.#at++;
      }
    }
    this.#at++;
  }

  #escaped(): string {
    const next = this.#line[this.#at + 1];
    if (next === undefined) throw new CommandSyntaxError("it ends with a backslash", "Remove it, or write it twice.");
    const codePoint = String.fromCodePoint(this.#line.codePointAt(this.#at + 1) ?? 0);
    this.#at += 1 + codePoint.length;
    return codePoint === "\n" ? "" : codePoint;
  }

  #dollar(text: (value: string) => void, push: (part: WordPart) => void): void {
    const after = this.#line.slice(this.#at + 1);
    if (after.startsWith("(")) throw substitution("$(…)");
    const braced = /^\{([A-Za-z_][A-Za-z0-9_]*)\}/.exec(after);
    const name = braced?.[1] ?? NAME.exec(after)?.[0];
    if (name !== undefined) {
      push({ type: "variable", name });
      this.#at += 1 + (braced?.[0].length ?? name.length);
    } else if (/^[{[0-9?$!@*#'"-]/.test(after) && !/^"(\s|$)/.test(after)) {
      throw new CommandSyntaxError(
        `\`$${after[0] ?? ""}\` is not supported`,
        "Use `$NAME`, or quote a plain `$`: '$'.",
      );
    } else {
      text("$");
      this.#at++;
    }
  }

  #rest(): string {
    return this.#line.slice(this.#at);
  }

  #take(operator: string): boolean {
    this.#skipBlanks(false);
    if (!this.#rest().startsWith(operator) || (operator === "|" && this.#rest().startsWith("||"))) return false;
    this.#at += operator.length;
    return true;
  }

  #skipBlanks(newlines: boolean): void {
    const blanks = newlines ? /^(?:[ \t\r\n]|\\\n|#[^\n]*)+/ : /^(?:[ \t\r]|\\\n|#[^\n]*)+/;
    this.#at += blanks.exec(this.#rest())?.[0].length ?? 0;
  }

  #skipSeparators(): void {
    this.#at += /^(?:[ \t\r]|\\\n|#[^\n]*)*[;\n]?(?:[ \t\r\n]|\\\n|#[^\n]*)*/.exec(this.#rest())?.[0].length ?? 0;
  }
}

const substitution = (what: string) =>
  new CommandSyntaxError(`command substitution (${what}) is not supported`, NEEDS_A_SCRIPT);

/** The word's text, when nothing in it is expanded. */
export function literal(word: Word): string | undefined {
  return word.every((part) => part.type === "text") ? word.map((part) => part.text).join("") : undefined;
}
