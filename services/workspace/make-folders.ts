import { chmod, chown, lstat, mkdir } from "node:fs/promises";
import { walkTo } from "./directory-handle.ts";
import { SafeFs } from "./safe-fs.ts";

const asRoot = (): boolean => process.getuid?.() === 0;

/** Makes a workspace's folder, which only its user may enter, or puts its owner and mode right. */
export async function makeOwn(dir: string, uid: number): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const stats = await lstat(dir);
  if (!stats.isDirectory()) throw new Error(`${dir} is no directory`);
  if (asRoot() && stats.uid !== uid) await chown(dir, uid, uid);
  if ((stats.mode & 0o777) !== 0o700) await chmod(dir, 0o700);
}

/**
 * Makes a folder of a workspace. Something else in its place is moved aside.
 *
 * @returns Where that is now, if there was something.
 */
export async function makeFolder(dir: string, folder: string, uid: number, now: Date): Promise<string | undefined> {
  const files = new SafeFs(dir, { owner: { uid, gid: uid } });
  const present = await files.stat(folder).catch(() => undefined);
  const inTheWay = present !== undefined && present.type !== "directory";
  const aside = `${folder}.replaced-${now.getTime()}`;
  if (inTheWay) await files.move(folder, aside);
  await files.mkdirs(folder, { mode: 0o755 });
  const handle = await walkTo(dir, [folder]);
  try {
    // A crash may have come between making it and giving it away.
    if (asRoot() && (await handle.stat()).uid !== uid) await handle.chown(uid, uid);
  } finally {
    await handle.close();
  }
  return inTheWay ? aside : undefined;
}
