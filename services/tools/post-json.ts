import { z } from "zod";
import { ToolCallRefusedError, ToolServiceFailedError } from "./tool-errors.ts";

/** Beyond this an answer is of no use to a model, and a danger to this process. */
const MAX_ANSWER_BYTES = 2 * 1024 ** 2;
const MAX_SAID_CHARS = 500;

export interface JsonCall<Answer extends z.ZodType> {
  readonly tool: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly answer: Answer;
  readonly signal: AbortSignal;
  /** What an answer that refuses the call says, for whoever made it. @default nothing of it is shown */
  readonly refusal?: (body: unknown) => string | undefined;
}

/**
 * Sends JSON to a service that an administrator configured, and checks what comes back. Redirects are not followed: the
 * request holds a secret.
 *
 * @throws ToolCallRefusedError for 400, 404, 409 and 422, ToolServiceFailedError for all else.
 */
export async function postJson<Answer extends z.ZodType>(call: JsonCall<Answer>): Promise<z.output<Answer>> {
  const { tool, signal } = call;
  const response = await fetch(call.url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", ...call.headers },
    body: JSON.stringify(call.body),
    redirect: "error",
    signal,
  }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw new ToolServiceFailedError(tool, "cannot be reached", error);
  });
  const body = await readJson(tool, response, signal);
  if ([400, 404, 409, 422].includes(response.status)) {
    const says = call.refusal?.(body) ?? `status ${response.status}`;
    throw new ToolCallRefusedError(tool, says.slice(0, MAX_SAID_CHARS));
  }
  if (!response.ok) throw new ToolServiceFailedError(tool, `answered with status ${response.status}`);
  const parsed = call.answer.safeParse(body);
  if (!parsed.success) {
    throw new ToolServiceFailedError(tool, `gave an answer of another form: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}

async function readJson(tool: string, response: Response, signal: AbortSignal): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk as Uint8Array);
      bytes += (chunk as Uint8Array).length;
      if (bytes > MAX_ANSWER_BYTES)
        throw new ToolServiceFailedError(tool, `answered more than ${MAX_ANSWER_BYTES} bytes`);
    }
  } catch (error) {
    if (signal.aborted || error instanceof ToolServiceFailedError) throw error;
    throw new ToolServiceFailedError(tool, "broke off its answer", error);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    if (!response.ok) return undefined;
    throw new ToolServiceFailedError(tool, "gave an answer that is no JSON", error);
  }
}
