/** How text is made to stand out; every function returns its input where colours are off. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

export function makeStyle(colours: boolean): Style {
  const wrap = (open: number, close: number) => (text: string) =>
    colours && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
  };
}

/** Colours only where a person looks, and not where he said no (no-color.org). */
export const wantsColours = (
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean => stream.isTTY === true && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";

const COLOUR_SEQUENCE = /^\u001b\[[0-9;]*m/;
const ESCAPE_SEQUENCE =
  /^(\u001b\[[0-?]*[ -/]*[@-~]|\u001b[\]PX^_][^\u0007\u001b]*(\u0007|\u001b\\|$)|\u001b[ -/]*[0-~]?)/;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
/** They turn the order of what is shown, so that a name looks like another one. */
const BIDI_CONTROL = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const LINE_BREAK = /[\n\t\u2028\u2029]/g;
const LINE_BREAK_NAMES: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t" };
/** What JSON leaves as it is, and a terminal does not. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * What a task wrote, made safe for a terminal: colours stay when `colours` is set; every other control is dropped, since
 * it could move the cursor over what was there, change the window's title or write to the clipboard. Controls of the
 * writing direction are shown by their number: `<U+202E>`.
 */
export function forTerminal(text: string, colours: boolean): string {
  let safe = "";
  let rest = text;
  for (let at = rest.search(CONTROL); at !== -1; at = rest.search(CONTROL)) {
    safe += rest.slice(0, at);
    rest = rest.slice(at);
    const colour = COLOUR_SEQUENCE.exec(rest)?.[0];
    if (colour !== undefined && colours) safe += colour;
    rest = rest.slice((colour ?? ESCAPE_SEQUENCE.exec(rest)?.[0] ?? "").length || 1);
  }
  return (safe + rest).replaceAll(BIDI_CONTROL, (control) => `<U+${hex(control).toUpperCase()}>`);
}

/**
 * What stands in one place of a line, such as a cell of a table: as `forTerminal` with colours kept, line ends and tabs
 * written out (`\n`), so that a name cannot look like a row of its own.
 */
export const inOneLine = (text: string): string =>
  forTerminal(text, true).replaceAll(LINE_BREAK, (end) => LINE_BREAK_NAMES[end] ?? `<U+${hex(end)}>`);

/** JSON that is safe on a terminal as well: the same document, with more of it escaped. */
export const toJson = (document: unknown, indent?: number): string =>
  JSON.stringify(document, undefined, indent).replaceAll(UNSAFE_IN_JSON, (character) => `\\u${hex(character)}`);

const hex = (character: string): string => character.charCodeAt(0).toString(16).padStart(4, "0");
