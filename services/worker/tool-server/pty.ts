import * as fs from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { ReadStream } from "node:tty";
import { hideFromChildren } from "../../sandbox/inherited-descriptors.ts";
import { TerminalUnavailableError } from "./errors.ts";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The part of node-pty's native half that is used: its own classes read from the program's side as well. */
interface NativePty {
  open(columns: number, rows: number): { readonly master: number; readonly slave: number; readonly pty: string };
  resize(fd: number, columns: number, rows: number): void;
}

/** Between two tries to write to a terminal whose program reads nothing. */
const FULL_PAUSE_MS = 10;

/**
 * A pseudo-terminal. Only this process has the side that people use: what the program at the other side pushes into its
 * input (TIOCSTI, which the sandbox's filter refuses besides) comes back to that program and to nobody else.
 */
export class Pty {
  /** What the program shows. Ends with an error, EIO, when nobody has the program's side any more. */
  readonly output: ReadStream;
  /** The program's side, until `closeProgramSide`. */
  readonly programFd: number;
  readonly #native: NativePty;
  readonly #fd: number;
  readonly #unhide: () => void;
  #programSideOpen = true;
  #closed = false;

  /** @throws TerminalUnavailableError */
  constructor({ columns, rows }: TerminalSize, owner: { readonly uid: number }) {
    this.#native = native();
    const { master, slave, pty } = this.#native.open(columns, rows);
    this.#fd = master;
    this.#unhide = hideFromChildren(master);
    try {
      // Opened anew: node-pty's is non-blocking for whoever inherits it, and would be inherited by all.
      this.programFd = fs.openSync(pty, fs.constants.O_RDWR | fs.constants.O_NOCTTY);
    } finally {
      fs.closeSync(slave);
    }
    if (process.getuid?.() === 0) fs.fchownSync(this.programFd, owner.uid, owner.uid);
    fs.fchmodSync(this.programFd, 0o600);
    this.output = new ReadStream(master);
    this.output.once("close", () => {
      this.#closed = true;
      this.#unhide();
    });
  }

  /** Call once the program has its side: the output ends with the last program that has it. Idempotent. */
  closeProgramSide(): void {
    if (this.#programSideOpen) fs.closeSync(this.programFd);
    this.#programSideOpen = false;
  }

  /** Resolves when the terminal has taken all of it; a program that reads nothing keeps its writer waiting. */
  async write(data: Uint8Array): Promise<void> {
    let written = 0;
    while (written < data.length && !this.#closed) {
      try {
        written += fs.writeSync(this.#fd, data, written); // never blocks: node-pty has made it so
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return; // EIO: nobody is there to read it
        await delay(FULL_PAUSE_MS);
      }
    }
  }

  resize({ columns, rows }: TerminalSize): void {
    if (!this.#closed) this.#native.resize(this.#fd, columns, rows);
  }

  /** Idempotent. */
  close(): void {
    this.closeProgramSide();
    this.output.destroy();
  }
}

let loaded: NativePty | undefined;

function native(): NativePty {
  try {
    if (loaded === undefined) {
      const require = createRequire(import.meta.url);
      const library = require("@lydell/node-pty/requireBinary.js") as {
        requireBinary: (file: string) => NativePty;
      };
      loaded = library.requireBinary("pty.node");
    }
    return loaded;
  } catch (error) {
    throw new TerminalUnavailableError(error);
  }
}
