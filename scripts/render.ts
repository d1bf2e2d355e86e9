// npm run render compose [--check]: writes docker-compose.yml from Pulumi.pilot.yaml; --check only says whether it is out
// of date. npm run render env: completes .env with secrets for it; what is there stays.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { renderComposeFile } from "../components/pilot/compose-file.ts";
import { completeSecrets } from "../components/pilot/compose-secrets.ts";
import { ComposeConfig } from "../contracts/pilot-config.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const COMPOSE_FILE = path.join(ROOT, "docker-compose.yml");
const ENV_FILE = path.join(ROOT, ".env");
const CONFIG_FILE = "Pulumi.pilot.yaml";
const StackFile = z.object({ config: z.object({ "automatos:settings": ComposeConfig }) });

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** As a whole or not at all. */
function write(file: string, text: string, mode: number): void {
  const draft = `${file}.${process.pid}.draft`;
  writeFileSync(draft, text, { mode });
  renameSync(draft, file);
}

function renderCompose(check: boolean): void {
  const stack = StackFile.safeParse(parse(readFileSync(path.join(ROOT, CONFIG_FILE), "utf8")));
  if (!stack.success)
    fail(`${CONFIG_FILE}:\n${z.prettifyError(stack.error)}\ndocs/reference/config.md lists every key.`);
  const text = renderComposeFile(stack.data.config["automatos:settings"], "npm run render compose");
  if (!check) write(COMPOSE_FILE, text, 0o644);
  else if (readOrEmpty(COMPOSE_FILE) !== text) fail("docker-compose.yml is out of date; run `npm run render compose`");
}

async function renderEnv(): Promise<void> {
  const before = readOrEmpty(ENV_FILE);
  const text = await completeSecrets(before);
  write(ENV_FILE, text, 0o600);
  process.stdout.write(
    before === text ? ".env has every secret\n" : ".env is complete; keep it as safe as the data that it opens\n",
  );
}

const [what, ...flags] = process.argv.slice(2);
if (what === "compose" && flags.every((flag) => flag === "--check")) renderCompose(flags.length > 0);
else if (what === "env" && flags.length === 0) await renderEnv();
else fail("usage: npm run render compose [-- --check] | npm run render env");
