import { lchown, lstat, readlink, symlink, unlink } from "node:fs/promises";
import { z } from "zod";
import { INSIDE } from "../../sandbox/inner-script.ts";
import { walkTo, type DirectoryHandle } from "../directory-handle.ts";
import type { ServiceRecords } from "../service-records.ts";

const RECORD = ["credential-links.json"];
const Links = z.strictObject({ paths: z.array(z.string()) });

export interface HomeLinksDeps {
  readonly records: ServiceRecords;
  readonly workspaceDir: string;
  readonly workspaceId: string;
}

/**
 * Makes the links in a workspace's home by which programs find the files of credentials: `~/.netrc` leads to a file that
 * only the sandbox of a task has that was given it. The link itself says nothing; where something else stands, it stays.
 * The caller holds the workspace's lock.
 *
 * @returns the paths where something else stands.
 */
export async function makeHomeLinks(
  { records, workspaceDir, workspaceId }: HomeLinksDeps,
  links: ReadonlyMap<string, string>,
  uid: number,
): Promise<string[]> {
  if (links.size === 0) return [];
  const known = (await records.read(workspaceId, RECORD, Links))?.paths ?? [];
  // Before they are made, so that a crash leaves none that nobody knows.
  await records.write(workspaceId, RECORD, { paths: [...new Set([...known, ...links.keys()])] });
  const taken: string[] = [];
  for (const [path, target] of links) {
    const made = await inFolderOf(workspaceDir, path, { mode: 0o700, uid, gid: uid }, (folder, name) =>
      makeLink(folder, name, target, uid),
    ).catch(() => false);
    if (!made) taken.push(path);
  }
  return taken;
}

/** Takes away the links that are still links to credentials. The caller holds the workspace's lock; no task runs. */
export async function removeHomeLinks({ records, workspaceDir, workspaceId }: HomeLinksDeps): Promise<void> {
  const paths = (await records.read(workspaceId, RECORD, Links))?.paths ?? [];
  if (paths.length === 0) return;
  for (const path of paths) {
    await inFolderOf(workspaceDir, path, undefined, async (folder, name) => {
      const target = await readlink(folder.child(name));
      if (target.startsWith(`${INSIDE.credentials}/`)) await unlink(folder.child(name));
    }).catch(() => undefined); // it is gone, or no link, or its folder is
  }
  await records.remove(workspaceId, RECORD);
}

async function inFolderOf<Result>(
  workspaceDir: string,
  path: string,
  create: { readonly mode: number; readonly uid: number; readonly gid: number } | undefined,
  work: (folder: DirectoryHandle, name: string) => Promise<Result>,
): Promise<Result> {
  const parts = path.split("/");
  const name = parts.pop() ?? "";
  const asRoot = process.getuid?.() === 0;
  const owner = create === undefined ? {} : { create: asRoot ? create : { ...create, uid: undefined, gid: undefined } };
  const folder = await walkTo(workspaceDir, parts, owner);
  try {
    return await work(folder, name);
  } finally {
    await folder.close();
  }
}

async function makeLink(folder: DirectoryHandle, name: string, target: string, uid: number): Promise<boolean> {
  const place = folder.child(name);
  try {
    await symlink(target, place);
    if (process.getuid?.() === 0) await lchown(place, uid, uid);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return (await lstat(place)).isSymbolicLink() && (await readlink(place)) === target;
  }
}
