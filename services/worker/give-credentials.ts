import type { AgentTask } from "../../contracts/task.ts";
import type { TaskEventBody } from "../../contracts/task-event.ts";
import { Redactor } from "../runtime/redaction/redactor.ts";
import type { SandboxCredentials } from "../sandbox/sandbox.ts";
import type { CredentialReader } from "../workspace/credentials/credential-reader.ts";
import { toTaskCredentials } from "../workspace/credentials/task-credentials.ts";
import type { WorkspaceVolume } from "../workspace/workspace-volume.ts";

/**
 * What a task is given of its workspace's credentials, those that it names, and what knows them in its output.
 *
 * @throws CredentialNotFoundError
 */
export async function giveCredentials(
  deps: {
    readonly credentials: Pick<CredentialReader, "forTask">;
    readonly volume: Pick<WorkspaceVolume, "linkCredentials">;
  },
  { workspaceId, credentials }: AgentTask,
  { uid, token, emit }: { readonly uid: number; readonly token: string; readonly emit: (body: TaskEventBody) => void },
): Promise<{ readonly credentials: SandboxCredentials; readonly redactor: Redactor }> {
  const given = toTaskCredentials(await deps.credentials.forTask(workspaceId, credentials));
  for (const path of await deps.volume.linkCredentials(workspaceId, given.links, uid)) {
    emit({
      type: "warning",
      code: "CREDENTIAL_PATH_TAKEN",
      message: `~/${path} is something else, so no link to the credential was made there`,
      remedy: `Remove ~/${path}, or use the credential at ${given.links.get(path) ?? "its own path"}.`,
    });
  }
  return { credentials: given, redactor: new Redactor([...given.secrets, token]) };
}
