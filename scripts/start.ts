// `npm start`: provisions the dev stack, runs a first task the first time, and says what to type next. Run again, it
// changes nothing, or repairs what was killed. Arguments: --first-task runs the first task again.
import path from "node:path";
import { z } from "zod";
import { writeWhole } from "../components/local/daemon-record.ts";
import type { CliConfig } from "../contracts/cli-config.ts";
import type { LocalConfig } from "../contracts/stack-config.ts";
import { runFirstTask } from "../demo/first-task.ts";
import {
  AUTOMATOS_DIR,
  chosenPassphrase,
  ensureStack,
  main,
  pulumi,
  pulumiOutput,
  readSettings,
  ROOT,
  say,
  ScriptError,
  STACK,
} from "./dev-stack.ts";
import { ensureFirstWorkspace, type FirstWorkspace } from "./first-workspace.ts";
import { inOrder, interruption } from "./interruption.ts";
import { checkPorts, clearLocks, reportDeadProcesses } from "./leftovers.ts";
import { alone } from "./start-lock.ts";

const Outputs = z.looseObject({
  apiUrl: z.string(),
  apiDocsUrl: z.string(),
  adminToken: z.string(),
  workerHealthUrls: z.array(z.string()),
  gatewayHealthUrl: z.string(),
  workspacesDir: z.string(),
});
type Outputs = z.infer<typeof Outputs>;

function sayIfBare({ sandbox }: LocalConfig): void {
  if (sandbox !== "none") return;
  const line = "!".repeat(100);
  say(line);
  say("!! NO SANDBOX: commands of tasks run bare on this machine, with all your rights. For development only.");
  say("!! Unset AUTOMATOS_SANDBOX, and set `sandbox: bubblewrap` in Pulumi.dev.yaml, to have one.");
  say(line);
}

function passphraseHint(): string {
  const variable = chosenPassphrase();
  if (variable === undefined) return "";
  return `\n${variable} is set, and was used; without it the dev stack has its own passphrase.`;
}

async function deploy(): Promise<Outputs> {
  await ensureStack();
  if ((await pulumi("up", "--stack", STACK, "--yes", "--skip-preview")) !== 0) {
    throw new ScriptError(
      "the stack is not up; pulumi's own words are above, the services' in .automatos/logs/. " +
        `What is done stays: mend the cause and run \`npm start\` again.${passphraseHint()}`,
    );
  }
  const { code, stdout } = await pulumiOutput("stack", "output", "--stack", STACK, "--json", "--show-secrets");
  if (code !== 0) throw new ScriptError("the stack's outputs could not be read; pulumi's own words are above");
  return Outputs.parse(JSON.parse(stdout));
}

function writeCliConfig({ apiUrl, adminToken }: Outputs, { workspaceId }: FirstWorkspace): string {
  const file = path.join(AUTOMATOS_DIR, "cli.json");
  const config: CliConfig = { apiUrl, token: adminToken, workspaceId };
  writeWhole(file, `${JSON.stringify(config, undefined, 2)}\n`);
  return path.relative(ROOT, file);
}

async function firstTask(outputs: Outputs, workspace: FirstWorkspace, settings: LocalConfig): Promise<void> {
  if (process.platform !== "linux" && settings.sandbox !== "none") {
    say(`\nNo first task: it runs commands, and ${process.platform} has no sandbox for them. On a Linux VM it has.`);
    return;
  }
  if (workspace.isUsed && !process.argv.includes("--first-task")) {
    say("\nThe first task was run before; `npm start -- --first-task` runs it again.");
    return;
  }
  const { ok } = await inOrder(() =>
    runFirstTask({
      apiUrl: outputs.apiUrl,
      adminToken: outputs.adminToken,
      workspaceId: workspace.workspaceId,
      scratchDir: path.join(AUTOMATOS_DIR, "first-task"),
      write: say,
      signal: interruption,
    }),
  );
  if (!ok) {
    throw new ScriptError(
      "the first task did not complete: its events above say why. The platform is up; " +
        "`npm start -- --first-task` runs it again, `npx automatos task ls` lists what ran.",
    );
  }
}

function sayWhatToTypeNext(outputs: Outputs, workspace: FirstWorkspace, cliConfig: string): void {
  say(`
The platform is running.
  API                 ${outputs.apiUrl}
  API documentation   ${outputs.apiDocsUrl}
  worker health       ${outputs.workerHealthUrls.join(" ")}
  gateway health      ${outputs.gatewayHealthUrl}
  admin token         in ${cliConfig}, where the command line reads it
  workspace "first"   ${workspace.workspaceId}, its own token in ${path.relative(ROOT, workspace.tokenFile)}
  workspaces' files   ${outputs.workspacesDir}
  logs                .automatos/logs

What to type next:
  npx automatos task run --command 'git --version'    a task of your own, followed live
  npx automatos task ls                               what ran
  npx automatos --help                                everything else
  npm run pulumi -- stack output --show-secrets       pulumi on this stack (preview, refresh, ...)
  npm run down                                        stops everything`);
}

async function start(): Promise<void> {
  const settings = readSettings();
  sayIfBare(settings);
  await clearLocks();
  reportDeadProcesses();
  await checkPorts(settings);
  const outputs = await deploy();
  const workspace = await ensureFirstWorkspace(outputs);
  const cliConfig = writeCliConfig(outputs, workspace);
  await firstTask(outputs, workspace, settings);
  sayWhatToTypeNext(outputs, workspace, cliConfig);
  sayIfBare(settings);
}

await main("npm start", () => alone(start));
