import { isTransient } from "./database.ts";

export interface BatcherOptions<Item, Result> {
  /**
   * Does all of them at once, with one commit. Resolves to the result of each, in their order; an Error fails that one
   * alone. When it throws, all of them have failed.
   */
  readonly run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
  /** @default 100 */
  readonly maxItems?: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does together what is asked for while something is under way already: one statement, one commit and one wait for the
 * disk for all of it. What comes alone is done at once, so nothing waits for company.
 */
export class Batcher<Item, Result> {
  readonly #run: BatcherOptions<Item, Result>["run"];
  readonly #maxItems: number;
  #waiting: Waiting<Item, Result>[] = [];
  #running = false;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#run = options.run;
    this.#maxItems = options.maxItems ?? 100;
  }

  /** Resolves when it is done, with what was done besides. @throws as `run` does for it */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#running) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#running = true;
    // What is asked for in the same turn goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#do(this.#waiting.splice(0, this.#maxItems));
    this.#running = false;
  }

  async #do(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#run(batch.map(({ item }) => item));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index];
        if (result instanceof Error) reject(result);
        else resolve(result as Result);
      }
    } catch (error) {
      // A server that is away is so for each; anything else is the fault of one, and the others must not suffer for it.
      if (batch.length === 1 || isTransient(error)) for (const { reject } of batch) reject(error);
      else for (const each of batch) await this.#do([each]);
    }
  }
}
