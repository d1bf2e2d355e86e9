import { AFTER_ESC, ESC, stepInSequence, VISIBLE } from "./control-sequences.ts";

const LF = 10;
const CR = 13;
/** More line breaks in a row end what looked like the beginning of a text, so that what may be one stays short. */
const MAX_BREAKS = 2;
/** The same for control sequences; `grep --color` prints four between two finds. */
const MAX_SEQUENCES = 8;
/** Characters that have a column in a row. */
const COLUMNS = 128;
/** So many nodes, those nearest to the root, have a row of their own; nearly all text is looked at there. */
const MAX_ROWS = 2_048;

/** How far a search has come; all 0 at the beginning. */
export interface Place {
  node: number;
  /** Line breaks right before. */
  breaks: number;
  /** Control sequences right before. */
  sequences: number;
  /** Where in a control sequence (stepInSequence); 0 in none. */
  sequence: number;
}

/**
 * Finds any of many texts in one pass (Aho and Corasick, 1975), whatever their number: a look at each character, from
 * wherever the text before it ended. Line breaks and control sequences are no part of what is looked for:
 * programs wrap long lines, and colour what they find.
 *
 * Nodes are numbered level by level, so that those that are visited most have the smallest numbers.
 */
export class Matcher {
  /** Of each node: its character, its first child, how many there are (they follow each other), where to go on when none fits. */
  readonly #character: Uint16Array;
  readonly #child: Uint32Array;
  readonly #children: Uint16Array;
  readonly #fallback: Uint32Array;
  readonly #depth: Uint8Array;
  /** Length of the longest text that ends at a node; 0 for none. */
  readonly #found: Uint8Array;
  /** Where each character leads from the first nodes, fallbacks followed. */
  readonly #rows: Uint32Array;
  /** Whether any text holds a character that has no column. */
  #beyondColumns = false;

  /** @param texts of 1 to 255 characters each, without line breaks and control sequences */
  constructor(texts: Iterable<string>) {
    const sorted = [...new Set(texts)].sort(byUnits);
    const size = sorted.reduce((sum, text) => sum + text.length, 1);
    this.#character = new Uint16Array(size);
    this.#child = new Uint32Array(size);
    this.#children = new Uint16Array(size);
    this.#fallback = new Uint32Array(size);
    this.#depth = new Uint8Array(size);
    this.#found = new Uint8Array(size);
    const count = this.#plant(sorted);
    this.#rows = new Uint32Array(Math.min(count, MAX_ROWS) * COLUMNS);
    for (let node = 0; node < count; node++) this.#link(node);
  }

  /** How many characters before a place may be the beginning of a text, those that are not seen not counted. */
  depth({ node }: Place): number {
    return this.#depth[node] ?? 0;
  }

  /** The length of the longest text that ends at a place, as people see it; 0 for none. */
  found({ node }: Place): number {
    return this.#found[node] ?? 0;
  }

  /** Moves `place` on through `text` from `from`; gives the place behind the next end of a text, or undefined. */
  next(text: string, from: number, place: Place): number | undefined {
    const rows = this.#rows;
    const found = this.#found;
    let { node } = place;
    let at = place.sequence === 0 ? from : skipSequence(text, from, place);
    /** Behind what was not seen last: breaks and sequences are counted in a row. */
    let unseen = at;
    for (; at < text.length; at++) {
      const character = text.charCodeAt(at);
      if (character <= ESC && (character === LF || character === CR || character === ESC)) {
        if (unseen !== at) place.breaks = place.sequences = 0;
        if (character === ESC) {
          place.sequences += 1;
          place.sequence = AFTER_ESC;
          at = skipSequence(text, at + 1, place) - 1;
        } else place.breaks += 1;
        unseen = at + 1;
        if (place.breaks > MAX_BREAKS || place.sequences > MAX_SEQUENCES) node = 0;
        continue;
      }
      node =
        node < MAX_ROWS && character < COLUMNS ? (rows[node * COLUMNS + character] ?? 0) : this.#go(node, character);
      if (found[node] !== 0) {
        place.node = node;
        place.breaks = place.sequences = 0;
        return at + 1;
      }
    }
    place.node = node;
    if (unseen !== text.length) place.breaks = place.sequences = 0;
    return undefined;
  }

  #go(from: number, character: number): number {
    if (character >= COLUMNS && !this.#beyondColumns) return 0;
    for (let node = from; ; node = this.#fallback[node] ?? 0) {
      if (node < MAX_ROWS && character < COLUMNS) return this.#rows[node * COLUMNS + character] ?? 0;
      const next = this.#step(node, character);
      if (next !== 0 || node === 0) return next;
    }
  }

  /** The child of a node with this character; 0 for none. */
  #step(node: number, character: number): number {
    const first = this.#child[node] ?? 0;
    const end = first + (this.#children[node] ?? 0);
    for (let child = first; child < end; child++) if (this.#character[child] === character) return child;
    return 0;
  }

  /**
   * Makes the nodes of all texts, level by level: each stands for those of the sorted texts that begin alike.
   *
   * @returns how many there are.
   */
  #plant(sorted: readonly string[]): number {
    const first = new Uint32Array(this.#character.length);
    const end = new Uint32Array(this.#character.length);
    end[0] = sorted.length;
    let count = 1;
    for (let node = 0; node < count; node++) {
      const depth = this.#depth[node] ?? 0;
      let index = first[node] ?? 0;
      this.#child[node] = count;
      if (depth > 0 && sorted[index]?.length === depth) {
        this.#found[node] = depth;
        index += 1;
      }
      for (; index < (end[node] ?? 0); index++) {
        const character = sorted[index]?.charCodeAt(depth) ?? 0;
        const isNew = count === this.#child[node] || this.#character[count - 1] !== character;
        if (isNew) {
          if (character >= COLUMNS) this.#beyondColumns = true;
          this.#character[count] = character;
          this.#depth[count] = depth + 1;
          first[count] = index;
          count += 1;
        }
        end[count - 1] = index + 1;
      }
      this.#children[node] = count - (this.#child[node] ?? 0);
    }
    return count;
  }

  /** Fills the node's row and gives its children their fallbacks. In order, as a fallback is nearer to the root. */
  #link(node: number): void {
    const fallback = this.#fallback[node] ?? 0;
    const hasRow = node < MAX_ROWS;
    if (hasRow && node !== 0) {
      this.#rows.copyWithin(node * COLUMNS, fallback * COLUMNS, (fallback + 1) * COLUMNS);
    }
    const first = this.#child[node] ?? 0;
    for (let child = first; child < first + (this.#children[node] ?? 0); child++) {
      const character = this.#character[child] ?? 0;
      const target = node === 0 ? 0 : this.#go(fallback, character);
      this.#fallback[child] = target;
      if (this.#found[child] === 0) this.#found[child] = this.#found[target] ?? 0;
      if (hasRow && character < COLUMNS) this.#rows[node * COLUMNS + character] = child;
    }
  }
}

/** Goes on through the sequence in which `place` is; gives the place behind it, or behind as much of it as there is. */
function skipSequence(text: string, from: number, place: Place): number {
  for (let at = from; at < text.length; at++) {
    const character = text.charCodeAt(at);
    const next = character === ESC ? VISIBLE : stepInSequence(place.sequence, character);
    place.sequence = Math.max(next, 0);
    if (next === VISIBLE) return at;
    if (next === 0) return at + 1;
  }
  return text.length;
}

/** As the numbers of their units: a text comes after those that it begins with. */
const byUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
