import type { Approval, ApprovalAnswer, ApprovalQuestion, ApprovalStatus } from "../../../contracts/approval.ts";
import type { AgentTask } from "../../../contracts/task.ts";
import type { GivenAnswer } from "../task-runner.ts";
import { ApprovalDecidedError, ApprovalNotFoundError } from "./errors.ts";
import { boundQuestion } from "./question.ts";

/** The questions of one task in memory, in the order in which it asked. */
export class LocalQuestions {
  readonly #task: AgentTask;
  readonly #all: Approval[] = [];

  constructor(task: AgentTask) {
    this.#task = task;
  }

  /** The one that waits for its answer. */
  get open(): Approval | undefined {
    return this.#all.find(({ status }) => status === "waiting");
  }

  get hasExpired(): boolean {
    return this.#all.some(({ status }) => status === "expired");
  }

  list(): Approval[] {
    return this.#all.map((approval) => ({ ...approval }));
  }

  answers(): Map<string, ApprovalAnswer> {
    const answers = new Map<string, ApprovalAnswer>();
    for (const { callId, status, decidedBy, decidedAt, comment } of this.#all) {
      if ((status === "approved" || status === "denied") && decidedBy !== null && decidedAt !== null) {
        answers.set(callId, { decision: status, by: decidedBy, at: decidedAt, comment });
      }
    }
    return answers;
  }

  ask(question: ApprovalQuestion): Approval {
    const now = Date.now();
    const asked: Approval = {
      ...boundQuestion(question),
      taskId: this.#task.taskId,
      workspaceId: this.#task.workspaceId,
      status: "waiting",
      askedAt: new Date(now).toISOString(),
      expiresAt: new Date(now + this.#task.approvalTimeoutSeconds * 1_000).toISOString(),
      decidedAt: null,
      decidedBy: null,
      comment: null,
    };
    this.#all.push(asked);
    return asked;
  }

  /** Resolves to whether this settled it. @throws ApprovalNotFoundError, ApprovalDecidedError */
  answer(callId: string, given: GivenAnswer): { readonly approval: Approval; readonly isNew: boolean } {
    const asked = this.#all.find((approval) => approval.callId === callId);
    if (asked === undefined) throw new ApprovalNotFoundError(this.#task.taskId, callId);
    if (asked.status === given.decision) return { approval: { ...asked }, isNew: false };
    if (asked.status !== "waiting") throw new ApprovalDecidedError(this.#task.taskId, callId, asked.status);
    return { approval: { ...this.#settle(asked, given.decision, given) }, isNew: true };
  }

  /** The open question, when its time is over and it has been settled by that. */
  expire(): Approval | undefined {
    const { open } = this;
    if (open === undefined || Date.parse(open.expiresAt) > Date.now()) return undefined;
    return this.#settle(open, "expired");
  }

  withdraw(): void {
    if (this.open !== undefined) this.#settle(this.open, "withdrawn");
  }

  #settle(asked: Approval, status: ApprovalStatus, given?: GivenAnswer): Approval {
    const settled: Approval = {
      ...asked,
      status,
      decidedAt: new Date().toISOString(),
      decidedBy: given?.by ?? null,
      comment: given?.comment ?? null,
    };
    this.#all[this.#all.indexOf(asked)] = settled;
    return settled;
  }
}
