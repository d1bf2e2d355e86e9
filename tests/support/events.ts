import { TaskEvent } from "../../contracts/task-event.ts";
import type { TestPlatform } from "./platform.ts";

/**
 * The events of a task over SSE, from the first to the terminal one, or to the first for which `until` holds.
 * Resumes with `Last-Event-ID` when the connection breaks, as any client should.
 */
export async function readEvents(
  platform: Pick<TestPlatform, "apiUrl" | "adminToken">,
  taskId: string,
  until: (event: TaskEvent) => boolean = () => false,
): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  for (;;) {
    try {
      for await (const event of stream(platform, taskId, events.length)) {
        events.push(event);
        if (until(event) || event.body.type === "task_ended") return events;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch's word for a connection that broke
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function* stream(
  platform: Pick<TestPlatform, "apiUrl" | "adminToken">,
  taskId: string,
  after: number,
): AsyncGenerator<TaskEvent> {
  const response = await fetch(`${platform.apiUrl}/api/tasks/${taskId}/events`, {
    headers: {
      authorization: `Bearer ${platform.adminToken}`,
      accept: "text/event-stream",
      "last-event-id": String(after),
    },
  });
  if (!response.ok || response.body === null) throw new Error(`${response.status} ${await response.text()}`);
  let buffer = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    buffer += chunk;
    for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
      const data = buffer
        .slice(0, end)
        .split("\n")
        .filter((line) => line.startsWith("data:"));
      buffer = buffer.slice(end + 2);
      if (data.length > 0) yield TaskEvent.parse(JSON.parse(data.map((line) => line.slice(5)).join("\n")));
    }
  }
}
