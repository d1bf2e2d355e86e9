/** Where a command reads and writes, and whether a person is there. */
import { createInterface } from "node:readline";
import type { Environment } from "../backend/locations.ts";

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether questions can be asked. */
  readonly interactive: boolean;
  readonly color: boolean;
  /** Columns and rows of the screen; undefined when the output is no screen. */
  size(): { columns: number; rows: number } | undefined;
  /** Asks, and resolves to the line that was typed; undefined at the end of the input. */
  ask(question: string): Promise<string | undefined>;
  /** As `ask`, without showing what is typed. */
  askSecret(question: string): Promise<string>;
}

const ciVariables = ["CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "BUILDKITE", "JENKINS_URL", "TEAMCITY_VERSION"];

export function processTerminal(
  env: Environment,
  options: { nonInteractive: boolean; color: "always" | "never" | "auto" | "raw" },
): Terminal {
  const screen = process.stdout.isTTY;
  const interactive =
    !options.nonInteractive && screen && process.stdin.isTTY && !ciVariables.some((name) => env[name]);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive,
    color: options.color === "always" || (options.color === "auto" && screen && !env["NO_COLOR"]),
    // some terminals say that they are 0 by 0
    size: () => (interactive ? { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 } : undefined),
    ask: (question) => ask(question, false),
    askSecret: async (question) => (await ask(question, true)) ?? "",
  };
}

function ask(question: string, hidden: boolean): Promise<string | undefined> {
  process.stderr.write(question);
  const input = createInterface({
    input: process.stdin,
    ...(hidden ? { terminal: true } : { output: process.stderr }),
  });
  return new Promise((resolve) => {
    input.once("line", (line) => {
      resolve(line);
      input.close();
    });
    input.once("SIGINT", () => input.close());
    input.once("close", () => {
      if (hidden) process.stderr.write("\n");
      resolve(undefined);
    });
  });
}

/** All of standard input, as text. */
export async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
