import { CommanderError } from "commander";
import { report } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { makeProgram } from "./program/program.ts";

/** Runs one command and leaves its exit status in `process.exitCode`, so that what was written is flushed. */
export async function run(argv: readonly string[]): Promise<void> {
  process.stdout.on("error", endOnBrokenPipe);
  process.stderr.on("error", endOnBrokenPipe);
  let exitCode: number = EXIT.ok;
  const program = makeProgram((code) => (exitCode = code));
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else exitCode = report(error, argv.includes("--json"));
  }
  process.exitCode = exitCode;
}

/** `automatos task logs … | head`: the reader has seen enough. */
function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.ok);
}
