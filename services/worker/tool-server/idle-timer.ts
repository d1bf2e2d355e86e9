/** Says when nothing has moved for a while. */
export class IdleTimer {
  readonly #timer: NodeJS.Timeout;

  constructor(idleMs: number, end: () => void) {
    this.#timer = setTimeout(end, idleMs);
  }

  /** Something has moved. */
  feed(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
