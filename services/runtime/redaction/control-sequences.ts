/** Begins a control sequence. */
export const ESC = 0x1b;
/** Longer ones are text: programs' own (colours, ends of lines) have less than half of it. */
const MAX_PARAMETERS = 32;

/** Where in a control sequence a text is: 0 in none, then after ESC, before the one character that ends it, and in its parameters. */
const NONE = 0;
export const AFTER_ESC = 1;
const BEFORE_LAST = 2;
const PARAMETERS = 3;
/** For a character that is no part of a sequence. */
export const VISIBLE = -1;

/**
 * How a terminal's control sequences (ECMA-48: ESC [ parameters letter; also ESC ( letter, which `tput sgr0` prints) go on
 * with a character: the next state, or VISIBLE. What begins with ESC and is none has lost its ESC.
 */
export function stepInSequence(state: number, character: number): number {
  if (character === ESC) return AFTER_ESC;
  if (character < 0x20 || character > 0x7e || state === NONE) return VISIBLE;
  if (state === AFTER_ESC) {
    if (character === 0x5b) return PARAMETERS; // [
    return character === 0x28 || character === 0x29 ? BEFORE_LAST : VISIBLE; // ( )
  }
  if (state === BEFORE_LAST || character >= 0x40) return NONE;
  return state - PARAMETERS < MAX_PARAMETERS ? state + 1 : VISIBLE;
}

const isBreak = (character: number): boolean => character === 10 || character === 13;

/** A text as people see it: without line breaks and control sequences. */
export function visibleText(text: string): string {
  if (!/[\r\n\u001b]/.test(text)) return text;
  let shown = "";
  let state = NONE;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    const next = stepInSequence(state, character);
    state = Math.max(next, NONE);
    if (next === VISIBLE && !isBreak(character)) shown += text.charAt(at);
  }
  return shown;
}

/** Where the last `count` visible characters before `end` begin; those that are not in the text are left out. */
export function startOfVisible(text: string, end: number, count: number): number {
  let start = end;
  let left = count;
  for (;;) {
    for (; left > 0 && start > 0; start--) {
      const character = text.charCodeAt(start - 1);
      if (character === ESC)
        left += Math.min(endOfSequence(text, start - 1), end) - start; // it was counted
      else if (!isBreak(character)) left -= 1;
    }
    const escape = count === 0 ? -1 : escapeAround(text, start);
    if (escape === -1) return start;
    left += Math.min(endOfSequence(text, escape), end) - start;
    start = escape;
  }
}

/** The ESC of the sequence in the midst of which a place is, or -1. */
function escapeAround(text: string, place: number): number {
  for (let at = place - 1; at >= 0 && at >= place - MAX_PARAMETERS - 2; at--) {
    if (text.charCodeAt(at) === ESC) return endOfSequence(text, at) > place ? at : -1;
  }
  return -1;
}

function endOfSequence(text: string, escape: number): number {
  let state = AFTER_ESC;
  let at = escape + 1;
  for (; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === ESC) break;
    state = stepInSequence(state, character);
    if (state === VISIBLE) break;
    if (state === NONE) return at + 1;
  }
  return at;
}
