import { literal, type CommandLine, type SimpleCommand, type Word } from "./command-line.ts";

const PLAIN = /^[A-Za-z0-9_./:@%+,=-]+$/;

/**
 * A parsed line as text for the `sh` inside the sandbox. All that is not meant to be expanded is quoted, so that the
 * shell does with it what the parser has understood, and nothing else.
 */
export function renderCommandLine(line: CommandLine): string {
  return line
    .map(({ connector, pipeline }, index) => {
      const text = pipeline.map(renderCommand).join(" | ");
      if (index === 0) return text;
      return connector === ";" ? `\n${text}` : ` ${connector} ${text}`;
    })
    .join("");
}

function renderCommand({ assignments, words, redirections }: SimpleCommand): string {
  return [
    ...assignments.map(({ name, value }) => `${name}=${value.length === 0 ? "" : renderWord(value)}`),
    // A program is always quoted: it must not be taken for a word of the shell's own, such as `if` or `{`.
    ...words.map((word, index) => (index === 0 ? quote(literal(word) ?? "") : renderWord(word))),
    ...redirections.map(({ fd, operator, target }) =>
      operator === ">&" ? `${fd}>&${literal(target) ?? "1"}` : `${fd}${operator}${renderWord(target)}`,
    ),
  ].join(" ");
}

function renderWord(word: Word): string {
  if (word.length === 0) return "''";
  return word
    .filter((part) => word.length === 1 || part.type !== "text" || part.text !== "")
    .map((part) => {
      if (part.type === "variable") return `"\${${part.name}}"`;
      if (part.type === "glob") return part.pattern.replace("[^", "[!");
      return PLAIN.test(part.text) && !part.text.includes("=") ? part.text : quote(part.text);
    })
    .join("");
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
