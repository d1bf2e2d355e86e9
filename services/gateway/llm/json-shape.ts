/** Far more than any conversation has. */
const MAX_DEPTH = 100;
const MAX_CONTAINERS = 200_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Why a text must not be parsed, if it must not: what is nested deeply, or has very many parts, keeps the parser and all
 * that comes after it, and with them everybody else's traffic, for seconds. Looks at brackets alone: whether it is JSON,
 * the parser finds.
 */
export function unreasonableShape(json: Buffer): string | undefined {
  let depth = 0;
  let containers = 0;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case QUOTE:
        at = endOfString(json, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        containers += 1;
        depth += 1;
        if (depth > MAX_DEPTH) return `is nested more than ${MAX_DEPTH} deep`;
        if (containers > MAX_CONTAINERS) return `has more than ${MAX_CONTAINERS} objects and arrays`;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
    }
  }
  return undefined;
}

/** Where the string that begins at `from` ends: at its closing quote, or with the text. */
function endOfString(json: Buffer, from: number): number {
  let at = from;
  for (;;) {
    at = json.indexOf(QUOTE, at + 1);
    if (at < 0) return json.length;
    let backslashes = 0;
    while (json[at - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
}
