/** Results in the order in which their work was registered, however long each takes. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  take(): Turn {
    let leave: () => void = () => undefined;
    const left = new Promise<void>((resolve) => (leave = resolve));
    const come = this.#last;
    this.#last = come.then(() => left);
    return { come, leave };
  }
}

export interface Turn {
  /** Resolves when all before have left. */
  readonly come: Promise<void>;
  /** Lets the next one come. A second time it does nothing. */
  readonly leave: () => void;
}
