import type { ServerResponse } from "node:http";

/** How a call may end before it has done its work, and how its caller hears that it goes on. */
export interface CallLife {
  readonly response: ServerResponse;
  /** Each of them stops it, beside the end of its connection. */
  readonly stops: readonly AbortSignal[];
  /** Between signs of life to a caller whose answer has not begun. */
  readonly beatMs: number;
}

/** Does `work` with a signal that fires when the caller goes away or one of `stops` does. */
export async function duringCall(
  { response, stops, beatMs }: CallLife,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  response.once("close", leave);
  if (response.destroyed) leave();
  const alive = setInterval(() => {
    if (!response.headersSent && !response.destroyed) response.writeProcessing();
  }, beatMs);
  try {
    await work(AbortSignal.any([gone.signal, ...stops]));
  } finally {
    clearInterval(alive);
    response.off("close", leave);
  }
}
