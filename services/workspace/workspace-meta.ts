import { WorkspaceMeta } from "../../contracts/workspace.ts";
import { SafeFs } from "./safe-fs.ts";
import type { ServiceRecords } from "./service-records.ts";

const META_FILE = ".workspace_meta.json";

/** From what is known of a workspace to what shall be; nothing is known of a new one. */
export type MetaChange = (meta: Partial<WorkspaceMeta>) => Partial<WorkspaceMeta>;

/** The record beside the workspaces counts; the file in the workspace is its copy for whoever looks there. */
export async function changeMeta(
  place: {
    readonly records: ServiceRecords;
    readonly workspaceDir: string;
    readonly workspaceId: string;
    readonly uid: number;
  },
  change: MetaChange,
): Promise<void> {
  const { records, workspaceDir, workspaceId, uid } = place;
  const before = await records.read(workspaceId, ["meta.json"], WorkspaceMeta);
  const meta = WorkspaceMeta.parse(change(before ?? {}));
  await records.write(workspaceId, ["meta.json"], meta);
  const files = new SafeFs(workspaceDir, { owner: { uid, gid: uid } });
  const content = `${JSON.stringify(meta, undefined, 2)}\n`;
  try {
    await files.replaceFile(META_FILE, content, { mode: 0o644 });
  } catch (error) {
    if ((error as { code?: unknown }).code !== "NOT_A_FILE") throw error;
    await files.remove(META_FILE); // a directory of that name
    await files.replaceFile(META_FILE, content, { mode: 0o644 });
  }
}
