import { MIN_SECRET_CHARS } from "../../../contracts/credential.ts";
import { visibleText } from "./control-sequences.ts";

/** A line of a longer secret counts from here on: shorter ones (`}`, `kind: Config`) stand in innocent text as well. */
const MIN_LINE_CHARS = 16;
/** Long forms are looked for in pieces, so that a part of one is found as well and little has to be held back. */
const PIECE_CHARS = 64;
/** The first and last line of keys in PEM, which everybody knows. */
const PEM_FRAME = /^-----(BEGIN|END) [A-Z0-9 ]+-----$/;

/**
 * The texts in which a secret may appear, without line breaks, each of at most 64 characters: as it is, line by line,
 * and as a whole in base64 at each of the three places where it may begin (plain and URL-safe, without what its
 * neighbours decide), percent-encoded, in hexadecimal, and as in JSON.
 */
export function formsOf(secret: string): Set<string> {
  const forms = new Set<string>();
  const whole = secret.trim();
  if (whole.length < MIN_SECRET_CHARS) return forms;
  addPieces(forms, whole, MIN_SECRET_CHARS);
  const lines = partsOf(whole);
  for (const line of lines) addPieces(forms, line, MIN_LINE_CHARS);
  for (const text of new Set([secret, whole])) {
    for (const form of encodingsOf(text)) addPieces(forms, form, MIN_SECRET_CHARS);
  }
  return forms;
}

/** Lines, and the texts within JSON, as programs print them by themselves. */
function partsOf(whole: string): string[] {
  const parts = new Set<string>();
  const add = (text: string): void => {
    for (const line of text.split(/[\r\n]+/).map((part) => part.trim())) {
      if (!PEM_FRAME.test(line) && line.length >= MIN_LINE_CHARS) parts.add(line);
    }
  };
  add(whole);
  for (const text of textsInJson(whole)) add(text);
  return [...parts];
}

function textsInJson(whole: string): string[] {
  if (!/^[[{]/.test(whole)) return [];
  const found: string[] = [];
  try {
    JSON.parse(whole, (_key, value: unknown) => {
      if (typeof value === "string") found.push(value);
      return value;
    });
  } catch {
    return []; // it is no JSON after all
  }
  return found;
}

function* encodingsOf(text: string): Generator<string> {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < 3; offset++) {
    const base64 = base64At(bytes, offset);
    yield base64;
    yield base64.replaceAll("+", "-").replaceAll("/", "_");
  }
  const hex = bytes.toString("hex");
  yield hex;
  yield hex.toUpperCase();
  for (const percent of [encodeURIComponent(text.toWellFormed()), percentEncoded(text)]) {
    yield percent;
    yield percent.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  }
  yield new URLSearchParams([["", text]]).toString().slice(1);
  const json = JSON.stringify(text).slice(1, -1);
  yield json;
  yield json.replaceAll("/", "\\/");
  yield json.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** What is the same whatever stands before and after: `offset` bytes come first. */
function base64At(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString("base64")
    .replaceAll("=", "");
  const first = offset === 0 ? 0 : offset + 1;
  const last = Math.floor(((offset + bytes.length) * 8) / 6);
  return text.slice(first, last);
}

/** As encodeURIComponent, and those that it leaves alone and others do not. */
const percentEncoded = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** What is not seen is left out, as the search leaves it out. */
function addPieces(forms: Set<string>, form: string, minChars: number): void {
  const text = visibleText(form);
  if (text.length < minChars) return;
  for (let start = 0; start + PIECE_CHARS < text.length; start += PIECE_CHARS) {
    forms.add(text.slice(start, start + PIECE_CHARS));
  }
  forms.add(text.slice(-PIECE_CHARS));
}
