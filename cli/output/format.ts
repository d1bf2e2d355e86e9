/** Local date and time, sortable: `2026-05-01 14:03:09`. */
export function localTime(instant: string | null): string {
  if (instant === null) return "-";
  const date = new Date(instant);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${localClock(instant)}`;
}

/** Local time of the day: `14:03:09`. */
export function localClock(instant: string): string {
  const date = new Date(instant);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

const two = (value: number): string => String(value).padStart(2, "0");

const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** Bytes with three significant digits, in powers of 1,024: `1.21 MB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${UNITS[unit] ?? ""}`;
}

/** `840 ms`, `3.2 s`, `4 m 05 s`, `2 h 10 m`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${two(Math.floor(seconds % 60))} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
}

/** Text on one line, cut to `length` characters. */
export function brief(text: string, length: number): string {
  const line = Array.from(text.replaceAll(/\s+/g, " ").trim());
  return line.length <= length ? line.join("") : `${line.slice(0, length - 1).join("")}…`;
}
