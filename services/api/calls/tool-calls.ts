import type { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import type { CallGrant, ToolCall, ToolCallAnswer, WorkerCall } from "../../../contracts/tool-call.ts";
import { requireAllowed } from "../../../contracts/tool-call-errors.ts";
import { ApiToolName, TOOLS, WorkerToolName, type ToolName } from "../../../contracts/tools.ts";
import { checkResources } from "../../runner/submission.ts";
import { summariseCall, type ToolCall as CheckedCall } from "../../sandbox/tools/summarise-call.ts";
import type { ToolService } from "../../tools/tool-service.ts";
import { cutOffWhenStalled } from "../stalled-clients.ts";
import { whileConnected } from "../while-connected.ts";
import type { CallGrants } from "./call-grants.ts";
import { CallStream, readLastEvent, wantedStream } from "./call-stream.ts";
import { CallerLeftError } from "./errors.ts";
import type { WorkerClient } from "./worker-client.ts";

/** A client that takes nothing of what waits for it is cut off after this. */
const STALLED_MS = 60_000;

export interface ToolCallsDeps {
  readonly grants: Pick<CallGrants, "for">;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  readonly tools: Pick<ToolService, "call">;
  readonly workers: WorkerClient;
}

/** Tool calls without a task: each is run by a worker, or here where the tool's side is the API. */
export class ToolCalls {
  readonly #deps: ToolCallsDeps;

  constructor(deps: ToolCallsDeps) {
    this.#deps = deps;
  }

  get workers(): WorkerClient {
    return this.#deps.workers;
  }

  /** What a worker must know of the workspace. */
  grant(workspaceId: string, callId: string): Promise<CallGrant> {
    return this.#deps.grants.for(workspaceId, callId);
  }

  /** Answers a request with what a tool does: one document, or a stream where the caller accepts one. */
  async answer(request: FastifyRequest, reply: FastifyReply, tool: ToolName, call: ToolCall): Promise<unknown> {
    const kind = wantedStream(request.headers.accept);
    const atWorker = WorkerToolName.safeParse(tool).data;
    if (kind === undefined) return this.run(request, reply, tool, call);
    if (atWorker === undefined) {
      const line = JSON.stringify({ type: "result", result: await this.run(request, reply, tool, call) });
      return stream(reply, kind, kind === "text/event-stream" ? `data: ${line}\n\n` : `${line}\n`);
    }
    const { grant, signal } = await this.#begin(request, reply, tool, call);
    const lines = await this.#atWorker(grant, signal, { ...call, tool: atWorker, stream: true });
    const record = (outcome: string) => (isAudited(tool) ? request.recordCall(outcome) : Promise.resolve());
    await record("started"); // of calls that the worker has taken: a refusal is answered as any other
    cutOffWhenStalled(request, reply, STALLED_MS);
    const recordEnd = (outcome: string) =>
      record(outcome).catch((error: unknown) => {
        request.log.error({ event: "tool_call_end_not_recorded", outcome, err: error }, "a call's end is not recorded");
        throw error;
      });
    return stream(reply, kind, new CallStream(kind, lines, recordEnd));
  }

  /** Runs a tool to its end, for a request that is answered with one document. */
  async run(request: FastifyRequest, reply: FastifyReply, tool: ToolName, call: ToolCall): Promise<ToolCallAnswer> {
    const { grant, signal } = await this.#begin(request, reply, tool, call);
    const atApi = ApiToolName.safeParse(tool).data;
    try {
      if (atApi !== undefined) return await this.#runHere(atApi, call, grant, signal);
      const lines = await this.#atWorker(grant, signal, { ...call, tool: WorkerToolName.parse(tool), stream: false });
      const answer = await readLastEvent(lines);
      request.toolOutcome = answer.error?.code;
      return answer;
    } catch (error) {
      throw signal.aborted ? new CallerLeftError(error) : error;
    }
  }

  async #begin(request: FastifyRequest, reply: FastifyReply, tool: ToolName, call: ToolCall) {
    const { workspaceId } = request.params as { workspaceId: string };
    if (!isAudited(tool)) request.audited = true;
    request.toolCall = summaryOf(tool, call.input);
    const signal = whileConnected(request, reply);
    const grant = await this.grant(workspaceId, request.id);
    requireAllowed(grant, tool);
    checkResources(call.resources, grant.plan, this.#deps.planLimits[grant.plan]);
    return { grant, signal };
  }

  async #atWorker(grant: CallGrant, signal: AbortSignal, call: WorkerCall): Promise<Readable> {
    const { body } = await this.#deps.workers.request(grant, {
      method: "POST",
      path: "/v1/calls",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(call),
      signal,
    });
    return body;
  }

  async #runHere(tool: ApiToolName, call: ToolCall, grant: CallGrant, gone: AbortSignal): Promise<ToolCallAnswer> {
    const startedAt = performance.now();
    const { workspaceId, callId } = grant;
    const output = await this.#deps.tools.call(tool, call.input, {
      identity: { workspaceId, taskId: callId },
      networkAccess: call.resources.networkAccess,
      signal: AbortSignal.any([gone, AbortSignal.timeout(call.timeoutSeconds * 1_000)]),
    });
    const durationMs = Math.round(performance.now() - startedAt);
    return { callId, tool, ok: true, output: (output ?? null) as never, exitCode: null, error: null, durationMs };
  }
}

/** The log is of what may do harm. */
const isAudited = (tool: ToolName): boolean => TOOLS[tool].level !== "safe";

/** A call in a line, for the audit log. */
function summaryOf(tool: ToolName, input: unknown): string {
  const checked = TOOLS[tool].input.safeParse(input);
  // The compiler cannot know that this input is that of this tool.
  return checked.success ? `${tool}: ${summariseCall({ tool, input: checked.data } as CheckedCall)}` : tool;
}

const stream = (reply: FastifyReply, kind: string, content: unknown): FastifyReply =>
  reply.header("x-accel-buffering", "no").type(kind).serializer(String).send(content);
