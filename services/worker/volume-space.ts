import { statfs } from "node:fs/promises";
import { PlatformError } from "../../contracts/errors.ts";

/** Bytes of the volume on which the workspaces are. */
export interface VolumeSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

const GIB = 1024 ** 3;

export class VolumeFullError extends PlatformError {
  constructor(freeBytes: number, reserveBytes: number) {
    super("VOLUME_FULL", `the volume of the workspaces has ${freeBytes} bytes free, ${reserveBytes} must stay free`, {
      remedy: "Tell the operator to make room on the volume of WORKSPACES_DIR or to enlarge it, then retry the task.",
      status: 507,
    });
  }
}

/** Free space that tasks leave to the rest of the machine: 5 % of the volume, from 1 GiB to 10 GiB. */
export const defaultReserve = (totalBytes: number): number => Math.min(Math.max(GIB, totalBytes * 0.05), 10 * GIB);

export async function readVolumeSpace(dir: string): Promise<VolumeSpace> {
  const { bsize, blocks, bavail } = await statfs(dir);
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
}
