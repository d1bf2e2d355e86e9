import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CallGrant } from "../../../contracts/tool-call.ts";
import { limitReached } from "../quota-guard.ts";
import type { CallSession } from "./call-session.ts";
import { TreeFailedError, TreeUnreadableError } from "./errors.ts";

/** What the service keeps at the root of each workspace: it does not travel. */
const OWN = ["tasks", ".workspace_meta.json"] as const;
/** Longer than the largest workspace takes. */
const TIMEOUT_MS = 6 * 3_600_000;
const STDERR_CHARS = 4_096;
const NAMED = 20;

/*
 * The whole of a workspace as a stream, made and taken by tar(1) in the workspace's own sandbox: nothing but this
 * workspace is there, so no link and no race leads out, and no name is too strange.
 */

/** Sends a tar of the tree. @throws TreeUnreadableError before anything is sent */
export async function sendTree(grant: CallGrant, session: CallSession, response: ServerResponse): Promise<void> {
  const unreadable = await collect(grant, session, UNREADABLE);
  if (unreadable !== "") throw new TreeUnreadableError(unreadable.split("\n").filter((line) => line !== ""));
  response.writeHead(200, { "content-type": "application/x-tar" });
  await stream(grant, session, PACK, response);
}

/** Replaces the tree by what a tar holds. Stopped in between, it leaves a part: it is sent anew as a whole. */
export async function receiveTree(grant: CallGrant, session: CallSession, request: IncomingMessage): Promise<void> {
  const stdin = request.pipe(new PassThrough());
  request.once("close", () => {
    if (!request.complete) stdin.destroy(new Error("the tree was cut short"));
  });
  await run(grant, session, UNPACK, { stdin });
}

/** Leaves nothing of it but what is the service's own. */
export async function removeTree(grant: CallGrant, session: CallSession): Promise<void> {
  await run(grant, session, EMPTY, {});
}

/**
 * Sends what stands for the tree, by which two are compared: path, kind and permissions of everything, time of the last
 * change and size of files, targets of links; then the SHA-256 of each file. Sorted, each entry ended by NUL.
 */
export async function sendManifest(grant: CallGrant, session: CallSession, response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  await stream(grant, session, MANIFEST, response);
}

const pruned = OWN.map((name) => `-path ./${name} -prune -o`).join(" ");
/** A folder that cannot be entered hides what is in it. Sockets are no files: they are nobody's when nothing runs. */
const UNREADABLE = `find . ${pruned} \\( \\( -type f ! -readable \\) -o \\( -type d ! \\( -readable -executable \\) \\) \\) -print 2>/dev/null | head -n ${NAMED}`;
const excluded = OWN.map((name) => `--exclude=./${name}`).join(" ");
const PACK = `exec tar --create --format=pax --pax-option=delete=atime,delete=ctime --sparse --anchored --no-wildcards ${excluded} --file=- .`;
const EMPTY = `set -e
find . -mindepth 1 ${pruned} -type d ! -perm -700 -exec chmod u+rwx {} \\;
find . -mindepth 1 -maxdepth 1 ${OWN.map((name) => `! -name ${name}`).join(" ")} -exec rm -rf -- {} +`;
const UNPACK = `${EMPTY}
exec tar --extract --preserve-permissions --no-same-owner --delay-directory-restore --file=-`;
// Hashes come as they are made, so that whoever reads sees that it goes on.
const MANIFEST = `set -e
export LC_ALL=C
find . -mindepth 1 ${pruned} \\( -type f -printf '%p\\t%y\\t%m\\t%T@\\t%s\\0' \\) -o \\( -type l -printf '%p\\t%y\\t%l\\0' \\) -o \\( ! -type s -printf '%p\\t%y\\t%m\\0' \\) | sort -z
find . -mindepth 1 ${pruned} -type f -print0 | sort -z | xargs -0 -r sha256sum -z --`;

async function stream(grant: CallGrant, session: CallSession, script: string, response: Writable): Promise<void> {
  const stdout = new PassThrough();
  const sent = pipeline(stdout, response);
  sent.catch(() => undefined);
  try {
    await run(grant, session, script, { stdout });
    stdout.end();
  } catch (error) {
    stdout.destroy(error as Error); // whoever reads sees that the rest is missing
    throw error;
  }
  await sent;
}

async function collect(grant: CallGrant, session: CallSession, script: string): Promise<string> {
  let text = "";
  await run(grant, session, script, { onStdout: (part) => (text += part) });
  return text;
}

/** @throws TreeFailedError, and what has stopped the session */
async function run(
  grant: CallGrant,
  session: CallSession,
  script: string,
  streams: { readonly stdin?: Readable; readonly stdout?: Writable; readonly onStdout?: (text: string) => unknown },
): Promise<void> {
  const { stdin, stdout, onStdout } = streams;
  let complaint = "";
  const exit = await session.sandbox.run(
    {
      ...session.profile,
      gateway: undefined,
      limits: { ...session.profile.limits, maxFileBytes: grant.quotaBytes },
    },
    {
      argv: ["sh", "-c", script],
      cwd: ".",
      environment: {},
      timeoutMs: TIMEOUT_MS,
      signal: session.signal,
      ...(stdin === undefined ? {} : { stdin }),
      ...(stdout === undefined ? {} : { stdout }),
      onOutput: (name, text) => {
        if (name === "stdout") onStdout?.(text);
        else complaint = (complaint + text).slice(-STDERR_CHARS);
      },
    },
  );
  if (exit.exitCode === 0) return;
  throw (
    limitReached(session.signal) ??
    new TreeFailedError(complaint.trim() || `it ended with ${exit.signal ?? exit.exitCode ?? "?"}`)
  );
}
