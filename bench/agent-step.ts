// What an agent's step costs beside the model: a task of 100 answers with a tool call each, on the whole platform, against
// the same 100 requests sent straight to the model. Each step is asked through the gateway, counted, saved, run, recorded.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { TaskResult } from "../contracts/task.ts";
import { startLlmServer } from "../tests/support/llm-server.ts";
import { startPlatform } from "../tests/support/platform.ts";

const STEPS = 100;

const llm = await startLlmServer();
const provider = { name: "scripted", baseUrl: llm.url, models: ["scripted"] };
const model = {
  targets: [{ provider: "scripted", model: "scripted" }],
  contextWindow: 1_000_000,
  maxOutputTokens: 4_000,
};
const platform = await startPlatform({
  gatewayEnv: {
    LLM_PROVIDERS: JSON.stringify({ providers: [provider], models: { main: model } }),
    LLM_PROVIDER_KEYS: JSON.stringify({ scripted: "key" }),
  },
});
const residentMb = (): number => {
  const status = readFileSync(`/proc/${platform.workers[0]?.pid ?? 0}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
};

/** Runs a task of `steps` answers. */
async function run(workspaceId: string, steps: number): Promise<void> {
  const first = llm.requests.length;
  llm.respond((_request, index) =>
    index - first < steps
      ? { text: "one more", calls: [{ name: "list_directory", arguments: { path: ".", maxEntries: index + 1 } }] }
      : { text: "done" },
  );
  const taskId = randomUUID();
  const body = { taskId, workspaceId, prompt: "Go on.", tools: ["list_directory"], maxSteps: steps + 1 };
  await platform.request("POST", "/api/tasks", body);
  const result = await platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=60`);
  if (result.status !== "completed") throw new Error(JSON.stringify(result.error));
}

/** Sends a task's requests once more, without the platform, and reads the answers. */
async function replay(requests: readonly unknown[]): Promise<void> {
  for (const request of requests) {
    const body = JSON.stringify(request);
    await (await fetch(`${llm.url}/chat/completions`, { method: "POST", body })).text();
  }
}

try {
  const workspaceId = await platform.createWorkspace();
  const before = residentMb();
  await run(workspaceId, 1); // loads what an agent needs
  const after = residentMb();
  const first = llm.requests.length;
  let startedAt = performance.now();
  await run(workspaceId, STEPS);
  const platformMs = (performance.now() - startedAt) / STEPS;
  const requests = llm.requests.slice(first, first + STEPS).map(({ body }) => body);
  startedAt = performance.now();
  await replay(requests);
  const bareMs = (performance.now() - startedAt) / STEPS;
  console.log(`a step on the platform        ${platformMs.toFixed(1)} ms`);
  console.log(`the model's answer alone      ${bareMs.toFixed(1)} ms`);
  console.log(
    `added by the platform         ${(platformMs - bareMs).toFixed(1)} ms, ratio ${(platformMs / bareMs).toFixed(1)}`,
  );
  console.log(`worker before a first prompt  ${before.toFixed(1)} MB resident`);
  console.log(`worker after it               ${after.toFixed(1)} MB resident, ${(after - before).toFixed(1)} MB more`);
} finally {
  await platform.stop();
  await llm.stop();
}
