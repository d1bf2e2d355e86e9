import { buffer } from "node:stream/consumers";
import type { Daemon } from "../../daemon/daemon.ts";

export interface LogQuery {
  /** To the container's end. @default false: what there is now */
  readonly follow?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly timestamps?: boolean;
  readonly details?: boolean;
  /** The last so many lines. @default all */
  readonly tail?: number | undefined;
  /** Unix seconds, or a time as the daemon reads it. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** Both streams in the order in which the daemon has them. */
export async function readLogs(daemon: Daemon, id: string, query: LogQuery = {}): Promise<string> {
  return daemon.ask(`read the logs of ${id}`, async (docker) => {
    const container = docker.getContainer(id);
    const { Config: config } = await container.inspect();
    const { follow = false, stdout = true, stderr = true, ...rest } = query;
    const options = { stdout, stderr, ...rest };
    // The declared types know fewer options than the API.
    const logs = container.logs.bind(container) as (options: object) => Promise<Buffer | NodeJS.ReadableStream>;
    const answer = await logs({ ...options, follow });
    const bytes = Buffer.isBuffer(answer) ? answer : await buffer(answer);
    return textOf(bytes, config.Tty);
  });
}

const HEADER_BYTES = 8;

/** Of a stream of a container's output, which is framed unless it has a terminal. */
export function textOf(bytes: Buffer, tty: boolean): string {
  return tty ? bytes.toString("utf8") : demultiplex(bytes);
}

/** Without the frames' headers: stream, three zeros, length. */
function demultiplex(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const end = at + HEADER_BYTES + bytes.readUInt32BE(at + 4);
    parts.push(bytes.subarray(at + HEADER_BYTES, end));
    at = end;
  }
  return Buffer.concat(parts).toString("utf8");
}
