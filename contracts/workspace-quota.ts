import { z } from "zod";

/** How the bytes of workspaces are counted and limited; which one a volume allows depends on its file system. */
export const QuotaKind = z.enum(["btrfs", "project", "volume", "count"]).meta({
  description:
    "`btrfs`: a subvolume each, with a limit of its qgroup. `project`: a project quota of ext4 or XFS each. `volume`: a " +
    "mounted volume each. `count`: the service counts the files itself, and no file system refuses a write.",
});
export type QuotaKind = z.infer<typeof QuotaKind>;

/** `auto` takes the first of `volume`, `btrfs` and `project` that the volume can do, and `count` otherwise. */
export const QuotaSetting = z.enum(["auto", ...QuotaKind.options]);
export type QuotaSetting = z.infer<typeof QuotaSetting>;

/** What was found at start: for logs, health and the admin routes. */
export interface QuotaStatus {
  readonly kind: QuotaKind;
  /** Whether the file system itself refuses what is over the limit. */
  readonly hardLimit: boolean;
  /** Why it is this kind: what was found, or what the better ones lack. */
  readonly reason: string;
}
