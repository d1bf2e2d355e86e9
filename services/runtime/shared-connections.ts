import type { Socket } from "node:net";

/** Connections over a Unix socket have no address: all of them are of one peer. */
const NO_ADDRESS = "";

/**
 * Shares a server's connections out, so that no task can use them up. A connection that has not yet shown whose it is
 * belongs to nobody: of those only so many are kept, and when one more comes, the oldest of the peer that has most of
 * them goes. Honest clients show their token at once.
 */
export class SharedConnections {
  /** Connections that one task may have. */
  readonly maxPerTask: number;
  readonly #maxUnknown: number;
  readonly #unknown = new Map<string, Set<Socket>>();
  #unknownCount = 0;
  readonly #owner = new Map<Socket, string>();
  readonly #perTask = new Map<string, number>();

  constructor(limits: { readonly maxPerTask: number; readonly maxUnknown: number }) {
    this.maxPerTask = limits.maxPerTask;
    this.#maxUnknown = limits.maxUnknown;
  }

  get open(): number {
    return this.#unknownCount + this.#owner.size;
  }

  /** One that has been made; it is let go of when it closes. */
  add(socket: Socket): void {
    const peer = socket.remoteAddress ?? NO_ADDRESS; // asked for here: it is gone once the socket has closed
    this.#ofPeer(peer).add(socket);
    this.#unknownCount += 1;
    socket.once("close", () => this.#remove(socket, peer));
    if (this.#unknownCount <= this.#maxUnknown) return;
    const [mostOfAll] = [...this.#unknown].sort(([, a], [, b]) => b.size - a.size);
    const [oldest] = mostOfAll?.[1] ?? [];
    if (mostOfAll === undefined || oldest === undefined) return;
    this.#forget(oldest, mostOfAll[0]);
    oldest.destroy();
  }

  /** It is the task's from here on; false when the task has as many as it may have, and then it stays nobody's. */
  assign(socket: Socket, taskId: string): boolean {
    if (socket.destroyed || this.#owner.get(socket) === taskId) return true;
    const count = this.#perTask.get(taskId) ?? 0;
    if (count >= this.maxPerTask) return false;
    this.#remove(socket, socket.remoteAddress ?? NO_ADDRESS);
    this.#owner.set(socket, taskId);
    this.#perTask.set(taskId, count + 1);
    return true;
  }

  destroyAll(): void {
    const unknown = [...this.#unknown.values()].flatMap((sockets) => [...sockets]);
    for (const socket of [...unknown, ...this.#owner.keys()]) socket.destroy();
  }

  #ofPeer(peer: string): Set<Socket> {
    const sockets = this.#unknown.get(peer) ?? new Set();
    this.#unknown.set(peer, sockets);
    return sockets;
  }

  #forget(socket: Socket, peer: string): void {
    const sockets = this.#unknown.get(peer);
    if (sockets?.delete(socket) !== true) return;
    this.#unknownCount -= 1;
    if (sockets.size === 0) this.#unknown.delete(peer);
  }

  #remove(socket: Socket, peer: string): void {
    this.#forget(socket, peer);
    const taskId = this.#owner.get(socket);
    if (taskId === undefined) return;
    this.#owner.delete(socket);
    const count = (this.#perTask.get(taskId) ?? 1) - 1;
    if (count === 0) this.#perTask.delete(taskId);
    else this.#perTask.set(taskId, count);
  }
}
