import type { Socket } from "node:net";
import { TooManyConnectionsError } from "./refusals.ts";

/**
 * Shares the gateway's connections out, so that no sandbox can use them up. A connection that has not yet shown a
 * token belongs to nobody: of those only so many are kept, and the oldest goes when one more comes. Honest clients
 * show theirs at once.
 */
export class Connections {
  readonly #maxPerTask: number;
  readonly #maxUnknown: number;
  readonly #unknown = new Set<Socket>();
  readonly #owner = new Map<Socket, string>();
  readonly #perTask = new Map<string, number>();

  constructor(limits: { readonly maxPerTask: number; readonly maxUnknown: number }) {
    this.#maxPerTask = limits.maxPerTask;
    this.#maxUnknown = limits.maxUnknown;
  }

  get open(): number {
    return this.#unknown.size + this.#owner.size;
  }

  add(socket: Socket): void {
    this.#unknown.add(socket);
    socket.once("close", () => this.#remove(socket));
    if (this.#unknown.size <= this.#maxUnknown) return;
    const [oldest] = this.#unknown;
    this.#unknown.delete(oldest ?? socket);
    oldest?.destroy();
  }

  /** @throws TooManyConnectionsError */
  assign(socket: Socket, taskId: string): void {
    if (socket.destroyed || this.#owner.get(socket) === taskId) return;
    const count = this.#perTask.get(taskId) ?? 0;
    if (count >= this.#maxPerTask) throw new TooManyConnectionsError(taskId, this.#maxPerTask);
    this.#remove(socket);
    this.#owner.set(socket, taskId);
    this.#perTask.set(taskId, count + 1);
  }

  destroyAll(): void {
    for (const socket of [...this.#unknown, ...this.#owner.keys()]) socket.destroy();
  }

  #remove(socket: Socket): void {
    this.#unknown.delete(socket);
    const taskId = this.#owner.get(socket);
    if (taskId === undefined) return;
    this.#owner.delete(socket);
    const count = (this.#perTask.get(taskId) ?? 1) - 1;
    if (count === 0) this.#perTask.delete(taskId);
    else this.#perTask.set(taskId, count);
  }
}
