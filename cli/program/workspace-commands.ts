import type { Command } from "commander";
import { addPaging, collect, wholeNumber, type Finish } from "./arguments.ts";
import { addBackups } from "./backup-commands.ts";
import { addCredentials } from "./credential-commands.ts";
import { addTokens } from "./token-commands.ts";

const load = () => import("../commands/workspace.ts");
const loadFiles = () => import("../commands/workspace-files.ts");

export function addWorkspaceCommands(program: Command, finish: Finish): void {
  const workspace = program.command("workspace").description("workspaces: their limits, files, rules and tokens");
  workspace
    .command("create")
    .description("create a workspace and print its id (admin token)")
    .argument("<name>")
    .option("--id <uuid>", "its id; the same again is the same workspace")
    .option("--plan <plan>", "starter, pilot, pro, business or enterprise")
    .option("--egress <rule>", "a destination that its sandboxes may reach; may be given more than once", collect)
    .action(async (name: string, _options, command: Command) =>
      finish(await (await load()).workspaceCreate(name, command.optsWithGlobals())),
    );

  addPaging(workspace.command("ls").description("the workspaces that the token may see")).action(
    async (_options, command: Command) => finish(await (await load()).workspaceList(command.optsWithGlobals())),
  );

  workspace
    .command("show")
    .description("a workspace")
    .argument("[workspace]")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await load()).workspaceShow(named, command.optsWithGlobals())),
    );

  workspace
    .command("usage")
    .description("what it uses of its limits")
    .argument("[workspace]")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await load()).workspaceUsage(named, command.optsWithGlobals())),
    );

  workspace
    .command("llm")
    .description("tokens of language models that its tasks use")
    .argument("[workspace]")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await import("../commands/workspace-llm.ts")).workspaceLlm(named, command.optsWithGlobals())),
    );

  workspace
    .command("plan")
    .description("show its limits, or move it to another plan (admin token)")
    .argument("[args...]", "the workspace, the new plan, or both")
    .usage("[options] [workspace] [plan]")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await load()).workspacePlan(args, command.optsWithGlobals())),
    );

  workspace
    .command("move")
    .description(
      "carry it to another installation, or back (admin tokens; that of the other side in AUTOMATOS_TO_TOKEN)",
    )
    .argument("[workspace]")
    .requiredOption("--to <url>", "the API of the other installation")
    .option("--wait <seconds>", "for what is under way to end; default 3600", wholeNumber)
    .option("--cancel", "cancel what is under way instead")
    .option("--status", "only show where it stands on both sides")
    .option("--abort", "end a move: forget what has arrived, and stay")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await import("../commands/workspace-move.ts")).workspaceMove(named, command.optsWithGlobals())),
    );

  addCalls(workspace, finish);
  addFiles(workspace, finish);
  addEgress(workspace, finish);
  addTools(workspace, finish);
  addBackups(workspace, finish);
  addTokens(workspace, "workspace", finish);
  addCredentials(workspace, finish);
}

/** Without a task: answered while the caller waits. */
function addCalls(workspace: Command, finish: Finish): void {
  workspace
    .command("exec")
    .description("run a command in its sandbox; the exit status is the command's")
    .argument("<command...>", "after `--`")
    .usage("[options] [workspace] -- <command...>")
    .option("--cwd <path>", "where, below the workspace")
    .option("--timeout <seconds>", "at most 300; default 60", wholeNumber)
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await import("../commands/workspace-exec.ts")).workspaceExec(args, command.optsWithGlobals())),
    );
  workspace
    .command("shell")
    .description("a shell in its sandbox, on this terminal")
    .argument("[workspace]")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await import("../commands/workspace-shell.ts")).workspaceShell(named, command.optsWithGlobals())),
    );
  workspace
    .command("files")
    .description("what is in a directory of it")
    .argument("[args...]", "the workspace, the directory, or both")
    .usage("[options] [workspace] [directory]")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await loadFiles()).filesList(args, command.optsWithGlobals())),
    );
  workspace
    .command("get")
    .description("download a file of it")
    .argument("<path...>")
    .usage("[options] [workspace] <path>")
    .option("-o, --output <file>", "where to; `-` for the standard output, default: its own name, here")
    .option("--force", "replace a file that exists")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await loadFiles()).fileGet(args, command.optsWithGlobals())),
    );
  workspace
    .command("put")
    .description("upload a file to it")
    .argument("<file...>", "the file, or `-` for the standard input, and its path in the workspace")
    .usage("[options] [workspace] <file> [path]")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await loadFiles()).filePut(args, command.optsWithGlobals())),
    );
}

function addFiles(workspace: Command, finish: Finish): void {
  const repos = workspace.command("repos").description("cached repositories");
  repos
    .command("ls")
    .description("with their sizes")
    .argument("[workspace]")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await loadFiles()).repositoriesList(named, command.optsWithGlobals())),
    );
  repos
    .command("rm")
    .description("drop them; the next task that needs one clones again")
    .argument("<name...>")
    .usage("[options] [workspace] <name...>")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await loadFiles()).remove("repos", args, command.optsWithGlobals())),
    );

  const artifacts = workspace.command("artifacts").description("files that tasks have kept");
  artifacts
    .command("ls")
    .description("with their sizes")
    .argument("[workspace]")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await loadFiles()).artifactsList(named, command.optsWithGlobals())),
    );
  artifacts
    .command("get")
    .description("download one")
    .argument("<path...>")
    .usage("[options] [workspace] <path...>")
    .option("-o, --output <file>", "where to; `-` for the standard output, default: its own name, here")
    .option("--force", "replace a file that exists")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await loadFiles()).artifactGet(args, command.optsWithGlobals())),
    );
  artifacts
    .command("rm")
    .description("remove some")
    .argument("<path...>")
    .usage("[options] [workspace] <path...>")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await loadFiles()).remove("artifacts", args, command.optsWithGlobals())),
    );
}

function addEgress(workspace: Command, finish: Finish): void {
  const egress = workspace.command("egress").description("destinations that its sandboxes may reach");
  egress
    .command("ls")
    .description("the rules beside the stack's defaults")
    .argument("[workspace]")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await load()).egressList(named, command.optsWithGlobals())),
    );
  const change = (name: string, verb: "add" | "remove", description: string) =>
    egress
      .command(name)
      .description(`${description} (admin token)`)
      .argument("<rule...>", "host, host:port or *.suffix")
      .usage("[options] [workspace] <rule...>")
      .action(async (args: string[], _options, command: Command) =>
        finish(await (await load()).egressChange(verb, args, command.optsWithGlobals())),
      );
  change("add", "add", "allow more");
  change("rm", "remove", "allow no longer");
}

function addTools(workspace: Command, finish: Finish): void {
  const tools = workspace.command("tools").description("what its agents may do");
  tools
    .command("show")
    .description("every tool and what the policy makes of it")
    .argument("[workspace]")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await load()).toolsShow(named, command.optsWithGlobals())),
    );
  tools
    .command("set")
    .description("change the policy (admin token), e.g. `set dangerous=ask execute_command=deny`")
    .argument("<decision...>", "<level or tool>=<allow, ask or deny>")
    .usage("[options] [workspace] <decision...>")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await load()).toolsSet(args, command.optsWithGlobals())),
    );
}
