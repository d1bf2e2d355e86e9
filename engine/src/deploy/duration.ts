const SECONDS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3_600,
};

/** Seconds of a duration such as `90s`, `1h30m` or `1.5h`. @throws Error for anything else. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (text === "0") return 0;
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text)
    throw new Error(`unable to parse customTimeout Value ${text}`);
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (SECONDS_PER_UNIT[unit ?? ""] ?? 0), 0);
}

/** As Go writes durations: `1h30m0s`, `500ms`; "" for none. */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return "";
  if (seconds < 1) return `${trimmed(seconds * 1_000)}ms`;
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  const rest = `${trimmed(seconds % 60)}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

function trimmed(amount: number): string {
  return String(Number(amount.toFixed(9)));
}
