import { InvalidArgumentError, type Command } from "commander";

/** Told the exit status of the command that ran. */
export type Finish = (exitCode: number) => void;

/** Adds one more value of an option that may be given more than once. */
export const collect = (value: string, previous: readonly string[] | undefined): string[] => [
  ...(previous ?? []),
  value,
];

/** `a,b`, or the option more than once. */
export const collectList = (value: string, previous: readonly string[] | undefined): string[] => [
  ...(previous ?? []),
  ...value.split(","),
];

export function wholeNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

/** For lists that come in pages. */
export const addPaging = (command: Command): Command =>
  command
    .option("--limit <count>", "entries at once", wholeNumber)
    .option("--cursor <cursor>", "where the page before ended");
