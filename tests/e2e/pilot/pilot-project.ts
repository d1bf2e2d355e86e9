import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Agent, fetch } from "undici";
import { parse, stringify } from "yaml";
import type { AgentTaskInput, TaskResult } from "../../../contracts/task.ts";
import { makeStackProject } from "../../stacks/stack-project.ts";
import { reachPort } from "../../support/docker/reach-port.ts";
import type { TestDaemon } from "../../support/docker/daemon.ts";

const PLUGINS = path.resolve(import.meta.dirname, "../../../engine-providers/docker/bin");

interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id: string;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** The real stack of phase pilot, deployed by the project's own `pulumi` to a test's daemon. */
export class PilotProject {
  readonly #project: Awaited<ReturnType<typeof makeStackProject>>;

  private constructor(project: Awaited<ReturnType<typeof makeStackProject>>) {
    this.#project = project;
  }

  /** @param settings `automatos:settings` beside phase and target. */
  static async create(daemon: TestDaemon, settings: Readonly<Record<string, unknown>>): Promise<PilotProject> {
    const project = new PilotProject(
      await makeStackProject({
        AUTOMATOS_PLUGIN_PATH: PLUGINS,
        DOCKER_HOST: daemon.host,
        DOCKER_CONFIG: "/nonexistent",
      }),
    );
    writeFileSync(project.#file, stringify({ config: {} }));
    await project.succeeds("stack", "init", "pilot");
    project.configure(settings);
    return project;
  }

  get #file(): string {
    return path.join(this.#project.dir, "Pulumi.pilot.yaml");
  }

  configure(settings: Readonly<Record<string, unknown>>): void {
    const stack = parse(readFileSync(this.#file, "utf8")) as { config?: Record<string, unknown> };
    const all = { phase: "pilot", target: "compose", ...settings };
    writeFileSync(this.#file, stringify({ ...stack, config: { ...stack.config, "automatos:settings": all } }));
  }

  async succeeds(...args: readonly string[]): Promise<string> {
    const { code, output } = await this.#project.pulumi(...args);
    assert.equal(code, 0, output);
    return output;
  }

  /** What it says. */
  async fails(...args: readonly string[]): Promise<string> {
    const { code, output } = await this.#project.pulumi(...args);
    assert.notEqual(code, 0, output);
    return output;
  }

  up(...flags: readonly string[]): Promise<string> {
    return this.succeeds("up", "--stack", "pilot", "--yes", "--skip-preview", ...flags);
  }

  async output(name: string): Promise<string> {
    return (await this.succeeds("stack", "output", name, "--stack", "pilot", "--show-secrets")).trim();
  }

  /** The state as it lies on the disk. */
  stateText(): string {
    return readFileSync(path.join(this.#project.dir, ".pulumi", "stacks", "automatos", "pilot.json"), "utf8");
  }

  resources(): readonly StateResource[] {
    const { checkpoint } = JSON.parse(this.stateText()) as {
      checkpoint: { latest?: { resources?: StateResource[] } };
    };
    return checkpoint.latest?.resources ?? [];
  }

  remove(): Promise<void> {
    return this.#project.remove();
  }
}

/** The API by its published port. */
export class PublishedApi {
  readonly #agent: Agent;
  readonly #token: string;
  readonly #stop: () => Promise<void>;

  private constructor(agent: Agent, token: string, stop: () => Promise<void>) {
    this.#agent = agent;
    this.#token = token;
    this.#stop = stop;
  }

  static async reach(daemon: TestDaemon, address: string, token: string): Promise<PublishedApi> {
    const reached = await reachPort(daemon, address);
    return new PublishedApi(new Agent({ connect: { socketPath: reached.socket } }), token, () => reached.stop());
  }

  async request<Body>(method: string, route: string, body?: unknown): Promise<Body> {
    const response = await fetch(`http://pilot${route}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${route}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as Body;
  }

  async createWorkspace(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const workspaceId = randomUUID();
    await this.request("POST", "/api/workspaces", { workspaceId, name: "pilot", ...more });
    return workspaceId;
  }

  async submit(workspaceId: string, steps: NonNullable<AgentTaskInput["steps"]>): Promise<string> {
    const taskId = randomUUID();
    await this.request("POST", "/api/tasks", { taskId, workspaceId, steps });
    return taskId;
  }

  /** Waits for its end. */
  async result(taskId: string): Promise<TaskResult> {
    for (;;) {
      const response = await fetch(`http://pilot/api/tasks/${taskId}/result?wait=30`, {
        dispatcher: this.#agent,
        headers: { authorization: `Bearer ${this.#token}` },
      });
      const text = await response.text();
      if (response.status === 200) return JSON.parse(text) as TaskResult;
      assert.ok(response.status < 500, `result of ${taskId}: ${response.status} ${text}`);
    }
  }

  async close(): Promise<void> {
    await this.#agent.close();
    await this.#stop();
  }
}
