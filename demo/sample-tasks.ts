import { randomUUID } from "node:crypto";
import type { AgentTaskInput } from "../contracts/task.ts";
import type { SampleRepository } from "./sample-repository.ts";

const REPORT = "artifacts/price-list-tests.xml";

/** Clones, sees the test fail, mends the file, sees it pass, keeps the report, commits and pushes. */
export function repairTask(workspaceId: string, repository: SampleRepository, url: string): AgentTaskInput {
  const folder = `repos/${repository.name}`;
  const command = (line: string, expectedExitCodes = [0]) =>
    ({ tool: "execute_command", input: { command: line, cwd: folder }, expectedExitCodes }) as const;
  return {
    taskId: randomUUID(),
    workspaceId,
    repositories: [{ url, name: repository.name, ref: "main" }],
    resources: { repoClone: true },
    steps: [
      command("node --test", [1]),
      { tool: "read_file", input: { path: `${folder}/${repository.brokenFile}` } },
      {
        tool: "write_file",
        input: { path: `${folder}/${repository.brokenFile}`, content: repository.fixedContent },
      },
      command(
        `node --test --test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit --test-reporter-destination=../../${REPORT}`,
      ),
      command("git commit --all --message 'Take the percentage off, not the number'"),
      command("git push --quiet origin HEAD:main"),
    ],
  };
}

/** Looks at the same repository again: it is fetched, not cloned, and the tests pass. */
export function secondLookTask(workspaceId: string, repository: SampleRepository, url: string): AgentTaskInput {
  const cwd = `repos/${repository.name}`;
  return {
    taskId: randomUUID(),
    workspaceId,
    repositories: [{ url, name: repository.name, ref: "main" }],
    resources: { repoClone: true },
    steps: [
      { tool: "execute_command", input: { command: "git log --oneline", cwd } },
      { tool: "execute_command", input: { command: "node --test", cwd } },
      { tool: "list_directory", input: { path: "artifacts" } },
    ],
  };
}
