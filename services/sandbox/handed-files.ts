import type { Writable } from "node:stream";
import { INSIDE } from "./inner-script.ts";
import { CommandTooLongError } from "./sandbox-errors.ts";

/** A file that one command finds, and that no disk has seen: its content goes through a pipe into the sandbox's memory. */
export interface HandedFile {
  /** As a path inside. */
  readonly path: string;
  readonly content: string;
  /** Whether it is a secret of the task: for the command's user alone, where that can be. */
  readonly isSecret: boolean;
}

/** What execve(2) takes as one string, its end included (MAX_ARG_STRLEN). */
const MAX_VARIABLE_BYTES = 131_072;

/**
 * The command's variables as a file that the inner script reads in. On a command line they would be there for every
 * process of the host to read, in /proc/<pid>/cmdline.
 *
 * @throws CommandTooLongError
 */
export function variablesFile(variables: readonly string[]): HandedFile {
  const lines = variables.map((variable) => {
    if (Buffer.byteLength(variable) >= MAX_VARIABLE_BYTES) throw new CommandTooLongError(undefined);
    const end = variable.indexOf("=");
    return `export ${variable.slice(0, end)}='${variable.slice(end + 1).replaceAll("'", "'\\''")}'\n`;
  });
  return { path: INSIDE.variables, content: lines.join(""), isSecret: false };
}

/**
 * Arguments of bwrap that make the files from the descriptors from `firstFd` on, and the folders on the way to them.
 * Made by root they belong to root, and may be read by all inside, which is one user; ssh asks for no more of a key that
 * is another's. Made by the user himself they are his alone.
 */
export function handedFileArgs(files: readonly HandedFile[], firstFd: number, isRoot: boolean): string[] {
  const folders = new Set<string>();
  for (const { path } of files) {
    for (let end = path.indexOf("/", 1); end !== -1; end = path.indexOf("/", end + 1)) folders.add(path.slice(0, end));
  }
  const made = [...folders].sort().flatMap((folder) => ["--perms", "0755", "--dir", folder]);
  const written = files.flatMap(({ path, isSecret }, index) => {
    const mode = isSecret && !isRoot ? "0400" : "0444";
    return ["--perms", mode, "--file", String(firstFd + index), path];
  });
  return [...made, ...written];
}

/** Writes the files into the pipes that the sandbox reads them from. */
export function handOver(files: readonly HandedFile[], streams: readonly Writable[]): void {
  for (const [index, stream] of streams.entries()) {
    stream.on("error", () => undefined); // closed early: the exit says why
    stream.end(files[index]?.content ?? "");
  }
}
