import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { WorkspaceQuotaExceededError } from "../../../contracts/errors.ts";
import type { CallGrant } from "../../../contracts/tool-call.ts";
import { requireAllowed } from "../../../contracts/tool-call-errors.ts";
import { DiskFullError } from "../../sandbox/tools/tool-errors.ts";
import { SafeFs } from "../../workspace/safe-fs.ts";
import type { UsageMeter } from "../../workspace/usage/usage-meter.ts";
import { limitReached } from "../quota-guard.ts";
import type { CallSession } from "./call-session.ts";
import { RangeNotSatisfiableError } from "./errors.ts";
import type { IdleTimer } from "./idle-timer.ts";

/** One file of a workspace, and on whose behalf it is asked for. */
export interface FileCall {
  readonly grant: CallGrant;
  readonly session: CallSession;
  readonly path: string;
  /** Fed with each byte; when it fires, the session's signal does. */
  readonly idle: IdleTimer;
}

/** Streams a file, or the part of it that `Range: bytes=` names. */
export async function sendFile(
  { grant, session, path, idle }: FileCall,
  range: string | undefined,
  response: ServerResponse,
): Promise<void> {
  requireAllowed(grant, "read_file");
  const handle = await filesOf(grant, session).openFile(path);
  try {
    const { size, mtime } = await handle.stat();
    const part = parseRange(range, size);
    const [start, end] = part ?? [0, size - 1];
    response.writeHead(part === undefined ? 200 : 206, {
      "content-type": "application/octet-stream",
      "content-length": end - start + 1,
      "accept-ranges": "bytes",
      "last-modified": mtime.toUTCString(),
      etag: `"${size.toString(16)}-${mtime.getTime().toString(16)}"`,
      ...(part === undefined ? {} : { "content-range": `bytes ${start}-${end}/${size}` }),
    });
    if (end < start) response.end();
    // A file that shrinks meanwhile ends the connection: its reader sees that bytes are missing.
    else {
      const content = handle.createReadStream({ start, end, autoClose: false });
      await pipeline(
        watched(content, () => idle.feed()),
        response,
        { signal: session.signal },
      );
    }
  } finally {
    await handle.close();
  }
}

/** Writes what comes as the whole file: complete under its name or not at all. Resolves to the bytes written. */
export async function receiveFile(
  { grant, session, path, idle }: FileCall,
  request: IncomingMessage,
  usage: Pick<UsageMeter, "read">,
): Promise<number> {
  requireAllowed(grant, "write_file");
  const announced = Number(request.headers["content-length"] ?? 0);
  const { usedBytes } = await usage.read(grant.workspaceId);
  if (usedBytes + announced > grant.quotaBytes) {
    throw new WorkspaceQuotaExceededError(grant.workspaceId, usedBytes, grant.quotaBytes);
  }
  const stop = () => request.destroy(new Error("the call was stopped"));
  session.signal.addEventListener("abort", stop, { once: true });
  let bytes = 0;
  try {
    const content = watched(
      request,
      (length) => {
        bytes += length;
        idle.feed();
      },
      () => idle.stop(), // to make it lasting may take a disk any time
    );
    await filesOf(grant, session).replaceFile(path, content, { createDirectories: true });
    return bytes;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw limitReached(session.signal) ?? (code === "ENOSPC" || code === "EDQUOT" ? new DiskFullError(error) : error);
  } finally {
    session.signal.removeEventListener("abort", stop);
  }
}

/** Removes a file or a folder with all below it. No-op when it is not there. */
export async function removeFile({ grant, session, path, idle }: FileCall): Promise<void> {
  requireAllowed(grant, "write_file");
  idle.stop(); // it goes on to its end: a folder half removed serves nobody
  await filesOf(grant, session).remove(path);
}

const filesOf = ({ uid }: CallGrant, { workspaceDir }: CallSession): SafeFs =>
  new SafeFs(workspaceDir, { owner: { uid, gid: uid } });

async function* watched(
  chunks: AsyncIterable<Buffer>,
  passed: (length: number) => void,
  ended?: () => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    passed(chunk.length);
    yield chunk;
  }
  ended?.();
}

/**
 * First and last byte of `bytes=a-b`, `bytes=a-` or `bytes=-n`; undefined for the whole file, also where the header
 * names another unit or several ranges, which RFC 9110 allows a server to ignore.
 *
 * @throws RangeNotSatisfiableError
 */
function parseRange(header: string | undefined, size: number): readonly [number, number] | undefined {
  const match = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(header?.trim() ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const [, first = "", last = ""] = match;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  if (start >= size) throw new RangeNotSatisfiableError(size);
  return [start, first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1)];
}
