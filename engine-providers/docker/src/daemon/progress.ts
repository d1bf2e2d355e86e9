/** The daemon's stream of JSON lines while it pulls, pushes or builds. */
import { createInterface } from "node:readline";

interface Line {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number };
  readonly aux?: unknown;
}

/**
 * Reads to the end.
 * @param say Called with what a person would want to see.
 * @returns The `aux` values: ids and digests.
 * @throws with the daemon's words when it reports a failure in the stream.
 */
export async function follow(stream: NodeJS.ReadableStream, say: (text: string) => void): Promise<unknown[]> {
  const aux: unknown[] = [];
  let failure: string | undefined;
  for await (const text of createInterface({ input: stream })) {
    if (text.trim() === "") continue;
    const line = JSON.parse(text) as Line;
    if (line.error !== undefined || line.errorDetail) failure ??= failureOf(line);
    // BuildKit's own trace is binary; what it says is in the result and in the error.
    else if (line.id === "moby.buildkit.trace") continue;
    else if (line.aux !== undefined) aux.push(line.aux);
    else {
      const said = (line.stream ?? [line.id, line.status].filter(Boolean).join(": ")).trim();
      if (said !== "") say(said);
    }
  }
  if (failure !== undefined) throw new Error(failure);
  return aux;
}

function failureOf({ error, errorDetail }: Line): string {
  const message = errorDetail?.message ?? error ?? "unknown failure";
  if (errorDetail?.code === 401 || /no basic auth credentials|authentication required/.test(message)) {
    return `${message}. The registry asks for other credentials: set the registry's username and password, or docker:registryAuth`;
  }
  return message;
}
