/** Far more than any conversation has: ten thousand messages with calls of tools have half as many parts. */
const MAX_DEPTH = 100;
const MAX_PARTS = 300_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/**
 * Why a text must not be parsed, if it must not: what is nested deeply, or has very many parts, keeps the parser and all
 * that comes after it, and with them everybody else's traffic, for seconds. Looks at what stands between strings alone:
 * whether it is JSON, the parser finds.
 */
export function unreasonableShape(json: Buffer): string | undefined {
  let depth = 0;
  let parts = 0;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case QUOTE:
        for (at += 1; at < json.length && json[at] !== QUOTE; at++) if (json[at] === BACKSLASH) at += 1;
        break;
      case 0x5b: // [
      case 0x7b: // {
        parts += 1;
        depth += 1;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case COMMA:
      case COLON:
        parts += 1;
    }
    if (depth > MAX_DEPTH) return `is nested more than ${MAX_DEPTH} deep`;
    if (parts > MAX_PARTS) return `has more than ${MAX_PARTS} parts`;
  }
  return undefined;
}
