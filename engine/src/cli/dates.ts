/** Points in time as Pulumi's commands print them. */

/** `2026-01-01T00:00:00.000Z`. */
export function isoTime(time: Date): string {
  return time.toISOString();
}

const units: readonly (readonly [name: string, seconds: number])[] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** `3 minutes ago`, `now`, `2 days from now`. */
export function humanTime(time: Date, now = Date.now()): string {
  const seconds = Math.trunc((now - time.getTime()) / 1_000);
  const size = Math.abs(seconds);
  const unit = units.find(([, length]) => size >= length);
  if (unit === undefined) return "now";
  const [name, length] = unit;
  const count = Math.floor(size / length);
  return `${count} ${name}${count === 1 ? "" : "s"} ${seconds > 0 ? "ago" : "from now"}`;
}

/** `82 MB`, as disks are sold. */
export function humanBytes(bytes: number): string {
  const names = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < names.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${names[unit] ?? ""}`;
}
