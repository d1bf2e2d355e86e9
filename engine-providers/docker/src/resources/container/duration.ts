/** Durations as Go writes them: `1m30s`, `500ms`. */

const UNITS = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 10n ** 9n,
  m: 60n * 10n ** 9n,
  h: 3_600n * 10n ** 9n,
};

/** In nanoseconds, as the daemon takes them; undefined when the text is no duration. */
export function nanoseconds(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(amount) * Number(UNITS[unit as keyof typeof UNITS]);
  }
  return Math.round(sum);
}

/** As Go prints it. */
export function durationText(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e9) return nanoseconds < 1e6 ? `${nanoseconds / 1e3}µs` : `${nanoseconds / 1e6}ms`;
  const seconds = (nanoseconds / 1e9) % 60;
  const minutes = Math.floor(nanoseconds / 60e9) % 60;
  const hours = Math.floor(nanoseconds / 3_600e9);
  const hoursText = hours > 0 ? `${hours}h` : "";
  return `${hoursText}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${Number(seconds.toFixed(9))}s`;
}

/** For `validate`. */
export function durationProblem(text: string): string | undefined {
  return nanoseconds(text) === undefined
    ? `is ${JSON.stringify(text)}, not a duration like 30s, 1m30s or 500ms`
    : undefined;
}
