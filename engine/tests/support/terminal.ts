/** Commands on a terminal, which ask and are answered. */
import { spawn, spawnSync } from "node:child_process";
import { command, type Sandbox } from "./pulumi.ts";

/** util-linux's `script` gives a command a terminal. */
const script = spawnSync("script", ["--version"], { encoding: "utf8" });
const isThere = script.status === 0 && script.stdout.includes("util-linux");

/** Why there can be no terminal here; false where there can. */
export const skipWithoutTerminal = isThere
  ? false
  : "`script` of util-linux is missing: nothing gives the command a terminal";

const question = /default (?:no|skip)\] |typing `dev`: |\bID: /;

/** Runs a command that asks; gives each answer when its question has come. */
export function converse(
  sandbox: Sandbox,
  args: string,
  answers: readonly string[],
): Promise<{ code: number | null; text: string }> {
  const line = `${process.execPath} ${command} ${args}`;
  const child = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
    cwd: sandbox.work,
    env: { ...sandbox.env, CI: "", GITHUB_ACTIONS: "", TERM: "xterm" },
  });
  let text = "";
  let answered = 0;
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    text += more;
    const asked = text.split(question).length - 1;
    while (answered < asked && answered < answers.length) child.stdin.write(`${answers[answered++] ?? ""}\n`);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, text }));
  });
}
