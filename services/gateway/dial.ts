import { connect, isIPv6, type Socket } from "node:net";
import { UpstreamFailedError, UpstreamTimeoutError } from "./refusals.ts";
import type { EgressTarget } from "./target.ts";

/** Opens a connection to one of `addresses`, which have been checked; resolves nothing. */
export type Dial = (request: {
  readonly target: EgressTarget;
  readonly addresses: readonly string[];
  readonly timeoutMs: number;
  /** Gives up when it fires: the client went away. */
  readonly signal: AbortSignal;
}) => Promise<Socket>;

/**
 * Connects over TCP, trying the next address when one does not answer.
 *
 * @throws UpstreamFailedError, UpstreamTimeoutError
 */
export const dialTcp: Dial = async ({ target, addresses, timeoutMs, signal }) => {
  const resolved = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  const socket = connect({
    host: target.host,
    port: target.port,
    allowHalfOpen: true,
    noDelay: true,
    autoSelectFamily: true,
    // Asked instead of the resolver, and not at all when `host` is an address.
    lookup: (_host, _options, callback) => callback(null, resolved),
  });
  const deadline = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([deadline, signal]);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
      const abort = () => reject(either.reason as Error);
      if (either.aborted) abort();
      else either.addEventListener("abort", abort, { once: true });
    });
  } catch (error) {
    socket.on("error", () => undefined);
    socket.destroy();
    if (deadline.aborted) throw new UpstreamTimeoutError(target, "did not accept a connection", timeoutMs);
    throw new UpstreamFailedError(target, "refused the connection or cannot be reached", error);
  }
  return socket;
};
