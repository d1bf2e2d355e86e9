/**
 * A call of execute_command that gets one of the allowed programs to start `payload`: a script that reads somebody
 * else's file and makes one outside. `{W}` is the workspace, as the command sees it.
 */
export interface InjectionCase {
  readonly what: string;
  /** `inside`: the payload runs, and finds nothing (without a sandbox it leads out). `inert`: it does not even run. */
  readonly outcome: "inside" | "inert";
  readonly argv?: readonly string[];
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  /** A program of /usr/bin. */
  readonly needs?: string;
}

export type Row = Omit<InjectionCase, "outcome" | "what" | "command">;
export const inside = (what: string, command: string, more: Row = {}): InjectionCase => ({
  what,
  outcome: "inside",
  command,
  ...more,
});
export const inert = (what: string, command: string, more: Row = {}): InjectionCase => ({
  what,
  outcome: "inert",
  command,
  ...more,
});
export const vector = (what: string, argv: readonly string[], more: Row = {}): InjectionCase => ({
  what,
  outcome: "inside",
  argv,
  ...more,
});

export const P = "{W}/payload";
