/** What runs the user's program: a process of the engine's own, or one that somebody else serves. */

export interface ProgramAddresses {
  readonly monitor: string;
  readonly engine: string;
}

export interface Program {
  /**
   * Resolves when the program ended well, or was stopped.
   * @throws ReportedError when the user knows already what went wrong.
   */
  finished(): Promise<void>;
  /** Ends it, after some time to end by itself. */
  stop(graceMs: number): Promise<void>;
}
