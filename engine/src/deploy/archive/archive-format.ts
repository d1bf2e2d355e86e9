type ArchiveFormat = "tar" | "tar.gz" | "zip";

const FORMATS: readonly [string, ArchiveFormat][] = [
  [".tar", "tar"],
  [".tgz", "tar.gz"],
  [".tar.gz", "tar.gz"],
  [".zip", "zip"],
  [".jar", "zip"],
];

/** By the name's ending; undefined for what is no archive file. */
export function formatOf(path: string): ArchiveFormat | undefined {
  return FORMATS.find(([ending]) => path.endsWith(ending))?.[1];
}
