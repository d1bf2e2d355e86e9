import { statfs } from "node:fs/promises";
import { PlatformError } from "../../contracts/errors.ts";

/** Bytes and inodes of the volume on which the workspaces are. */
export interface VolumeSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Absent where the file system has no fixed number of them (btrfs). */
  readonly inodes?: { readonly total: number; readonly free: number };
}

/** What there is too little of, in its own unit. */
export interface Shortage {
  readonly of: "bytes" | "inodes";
  readonly free: number;
  readonly reserve: number;
}

const GIB = 1024 ** 3;

export class VolumeFullError extends PlatformError {
  constructor({ of, free, reserve }: Shortage) {
    super("VOLUME_FULL", `the volume of the workspaces has ${free} ${of} free, ${reserve} must stay free`, {
      remedy: "Tell the operator to make room on the volume of WORKSPACES_DIR or to enlarge it, then retry the task.",
      status: 507,
    });
  }
}

/** Free space that tasks leave to the rest of the machine: 5 % of the volume, from 1 GiB to 10 GiB. */
export const defaultReserve = (totalBytes: number): number => Math.min(Math.max(GIB, totalBytes * 0.05), 10 * GIB);

/** The same of inodes: 5 % of them, up to 500,000. */
const reservedInodes = (total: number): number => Math.min(total * 0.05, 500_000);

/** What a volume has too little of; undefined when it has enough of all. */
export function shortageOf(space: VolumeSpace, reserveBytes: (totalBytes: number) => number): Shortage | undefined {
  const reserve = reserveBytes(space.totalBytes);
  if (space.freeBytes < reserve) return { of: "bytes", free: space.freeBytes, reserve };
  if (space.inodes === undefined) return undefined;
  const kept = reservedInodes(space.inodes.total);
  return space.inodes.free < kept ? { of: "inodes", free: space.inodes.free, reserve: kept } : undefined;
}

export async function readVolumeSpace(dir: string): Promise<VolumeSpace> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(dir);
  const bytes = { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  return files === 0 ? bytes : { ...bytes, inodes: { total: files, free: ffree } };
}
