import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Below the range from which systems give ports of their own accord: nobody is given one of these by chance. */
const RANGE = [15_000, 32_000] as const;

/** Different ports that were free a moment ago: all are held at once while they are chosen. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  while (held.size < count) {
    const port = randomInt(...RANGE);
    const server = createServer();
    try {
      const listening = once(server, "listening");
      server.listen(port, "127.0.0.1");
      await listening;
      held.set(port, server);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error; // another one, then
    }
  }
  await Promise.all([...held.values()].map((server) => new Promise((resolve) => server.close(resolve))));
  return [...held.keys()];
}
