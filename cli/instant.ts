import { UsageError } from "./errors.ts";

/** A time as a person gives it, in the machine's zone unless it names one, as the API takes it. @throws UsageError */
export function instant(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new UsageError(`${text} is no time`, "Write it as 2026-05-01T14:00 or 2026-05-01.");
  return date.toISOString();
}
