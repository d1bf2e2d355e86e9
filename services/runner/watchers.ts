export const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

export interface Watch {
  /** Forgets what was heard so far: call it before looking, so that nothing falls between looking and waiting. */
  reset(): void;
  /** Resolves when something was heard since `reset`, when the signal fires, or after `atMostMs`. */
  wait(atMostMs: number): Promise<void>;
  end(): void;
}

/** Who waits for news of which task. */
export class Watchers {
  readonly #wakes = new Map<string, Set<() => void>>();

  wake(taskId: string): void {
    for (const wake of this.#wakes.get(taskId) ?? []) wake();
  }

  wakeAll(): void {
    for (const taskId of this.#wakes.keys()) this.wake(taskId);
  }

  watch(taskId: string, signal?: AbortSignal): Watch {
    let heard: PromiseWithResolvers<unknown> = Promise.withResolvers();
    const wake = (): void => heard.resolve(undefined);
    const wakes = this.#wakes.get(taskId) ?? new Set<() => void>();
    this.#wakes.set(taskId, wakes.add(wake));
    signal?.addEventListener("abort", wake);
    return {
      reset: () => {
        heard = Promise.withResolvers();
        if (isAborted(signal)) wake();
      },
      wait: async (atMostMs) => {
        const timer = setTimeout(wake, atMostMs);
        await heard.promise;
        clearTimeout(timer);
      },
      end: () => {
        signal?.removeEventListener("abort", wake);
        wakes.delete(wake);
        if (wakes.size === 0 && this.#wakes.get(taskId) === wakes) this.#wakes.delete(taskId);
      },
    };
  }
}
