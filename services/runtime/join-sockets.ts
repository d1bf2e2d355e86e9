import type { Socket } from "node:net";

/**
 * Passes bytes both ways, as fast as each side takes them. Each direction ends on its own (half-close), and an orderly
 * end arrives after all that came before it; an error or a sudden close of one side ends the other.
 */
export function joinSockets(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => (from.readableEnded ? to.destroySoon() : to.destroy()));
  }
}
