import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { ApprovalAnswer } from "../../../../contracts/approval.ts";
import type { JsonValue } from "../../../../contracts/json.ts";
import { AgentTask, type AgentTaskInput, type StepResult } from "../../../../contracts/task.ts";
import { TaskEventBody } from "../../../../contracts/task-event.ts";
import { ToolPolicy } from "../../../../contracts/tools.ts";
import type { TaskEnd, TaskOutcome, TaskPause } from "../../../../services/runner/task-runner.ts";
import { createSandbox } from "../../../../services/sandbox/create-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../../services/sandbox/sandbox.ts";
import type { ToolContext } from "../../../../services/sandbox/tools/tool.ts";
import { runAgent } from "../../../../services/worker/agent/run-agent.ts";
import { startLlmServer, type LlmServer } from "../../../support/llm-server.ts";
import { Playground } from "../../sandbox/support.ts";

export type EventOf<Type extends TaskEventBody["type"]> = Extract<TaskEventBody, { type: Type }>;

export interface RunOptions {
  readonly policy?: ToolPolicy;
  readonly checkpoint?: JsonValue | null;
  readonly approvals?: Readonly<Record<string, ApprovalAnswer>>;
  readonly scriptedSteps?: readonly StepResult[];
  readonly signal?: AbortSignal;
  readonly idleMs?: number;
  /** Called with each checkpoint that is saved. */
  readonly onSave?: (checkpoint: JsonValue) => void;
  readonly onEvent?: (event: TaskEventBody) => void;
}

export interface AgentRun {
  readonly outcome: TaskOutcome;
  readonly events: readonly TaskEventBody[];
  /** Every checkpoint, as the record would give it back. */
  readonly saved: readonly JsonValue[];
  of<Type extends TaskEventBody["type"]>(type: Type): EventOf<Type>[];
  /** @throws when the task paused */
  end(): TaskEnd;
  /** @throws when the task did not pause */
  pause(): TaskPause;
}

/** An agent on a real workspace and sandbox, with a scripted model on a Unix socket where the gateway would be. */
export class AgentBench {
  readonly llm: LlmServer;
  readonly profile: SandboxProfile;
  readonly #playground: Playground;
  readonly #sandbox: Sandbox;
  readonly #socketPath: string;

  private constructor(llm: LlmServer, playground: Playground, socketPath: string) {
    this.llm = llm;
    this.#playground = playground;
    this.#socketPath = socketPath;
    this.#sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
    this.profile = playground.makeWorkspace();
  }

  static async start(): Promise<AgentBench> {
    const playground = new Playground();
    const socketPath = join(playground.folder, "gateway.sock");
    return new AgentBench(await startLlmServer({ socketPath }), playground, socketPath);
  }

  async stop(): Promise<void> {
    await this.llm.stop();
    this.#playground.remove();
  }

  async run(input: Partial<AgentTaskInput> = {}, options: RunOptions = {}): Promise<AgentRun> {
    const ids = { taskId: randomUUID(), workspaceId: randomUUID() };
    const task = AgentTask.parse({ ...ids, prompt: "Do it.", tools: ALL_FILE_TOOLS, ...input });
    const events: TaskEventBody[] = [];
    const saved: JsonValue[] = [];
    const signal = options.signal ?? new AbortController().signal;
    const emit = (body: TaskEventBody): void => {
      events.push(TaskEventBody.parse(body));
      options.onEvent?.(body);
    };
    const contextOf = ({
      index,
      callId,
      approved,
    }: {
      index: number;
      callId: string;
      approved: boolean;
    }): ToolContext => ({
      sandbox: this.#sandbox,
      profile: this.profile,
      signal,
      callId,
      approved,
      onOutput: (stream, text) => emit({ type: "step_output", index, stream, text }),
      log: () => undefined,
    });
    const outcome = await runAgent({
      execution: {
        task,
        attempt: 1,
        checkpoint: options.checkpoint ?? null,
        approvals: new Map(Object.entries(options.approvals ?? {})),
        signal,
        emit,
        decide: () => undefined,
        recorded: async () => undefined,
        async save(checkpoint) {
          const copy = JSON.parse(JSON.stringify(checkpoint)) as JsonValue;
          saved.push(copy);
          options.onSave?.(copy);
        },
      },
      scriptedSteps: options.scriptedSteps ?? [],
      policy: options.policy ?? ToolPolicy.parse({}),
      contextOf,
      endpoint: {
        socketPath: this.#socketPath,
        token: "task-token",
        ...(options.idleMs && { idleMs: options.idleMs }),
      },
      retry: { attempts: 4, firstWaitMs: 1, maxWaitMs: 2_000 },
    });
    return {
      outcome,
      events,
      saved,
      of: (type) => events.filter((event): event is EventOf<typeof type> => event.type === type),
      end() {
        if (outcome.status === "paused") throw new Error(`paused: ${JSON.stringify(outcome.question)}`);
        return outcome;
      },
      pause() {
        if (outcome.status !== "paused") throw new Error(`not paused: ${JSON.stringify(outcome)}`);
        return outcome;
      },
    };
  }
}

export const ALL_FILE_TOOLS = ["list_directory", "read_file", "write_file", "create_directory", "execute_command"];

export const approved: ApprovalAnswer = {
  decision: "approved",
  by: "admin:test",
  at: "2026-01-01T00:00:00Z",
  comment: null,
};
export const denied = (comment: string | null): ApprovalAnswer => ({ ...approved, decision: "denied", comment });
