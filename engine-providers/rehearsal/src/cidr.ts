/** IPv4 ranges, as far as a cloud compares them. */

interface Range {
  readonly first: number;
  readonly last: number;
}

function parse(cidr: string): Range | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, length = 0] = match.slice(1).map(Number);
  if ([a, b, c, d].some((byte) => byte > 255) || length > 32) return undefined;
  const size = 2 ** (32 - length);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

/** False when one of them is no IPv4 range. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [parse(one), parse(other)];
  return a !== undefined && b !== undefined && a.first <= b.last && b.first <= a.last;
}

/** True also when one of them is no IPv4 range: what cannot be compared is not refused. */
export function isWithin(inner: string, outer: string): boolean {
  const [a, b] = [parse(inner), parse(outer)];
  return a === undefined || b === undefined || (b.first <= a.first && a.last <= b.last);
}

/** Undefined when the text is no IPv4 range. */
export function firstAddress(cidr: string): string | undefined {
  const range = parse(cidr);
  if (range === undefined) return undefined;
  const address = range.first + 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
