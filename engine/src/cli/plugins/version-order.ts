/** Versions as plugins have them (semver). */

/** Below 0 when `a` is the older one. A version before its release is older than the release. */
export function compareVersions(a: string, b: string): number {
  const [coreA, preA] = splitPrerelease(a);
  const [coreB, preB] = splitPrerelease(b);
  const byCore = coreA.localeCompare(coreB, "en", { numeric: true });
  if (byCore !== 0) return byCore;
  if (preA === undefined || preB === undefined) return (preA === undefined ? 1 : 0) - (preB === undefined ? 1 : 0);
  return preA.localeCompare(preB, "en", { numeric: true });
}

function splitPrerelease(version: string): [string, string | undefined] {
  const [withoutBuild = ""] = version.split("+");
  const at = withoutBuild.indexOf("-");
  return at < 0 ? [withoutBuild, undefined] : [withoutBuild.slice(0, at), withoutBuild.slice(at + 1)];
}

/** Whether a version fulfils all of `>=1.2.3 <2.0.0`; a bare version is itself. */
export function fulfils(version: string, range: string): boolean {
  return range
    .split(/[\s,]+/)
    .filter((part) => part !== "")
    .every((part) => {
      const [, operator = "", wanted = ""] = /^(>=|<=|>|<|=|!=|)v?(.+)$/.exec(part) ?? [];
      const order = compareVersions(version, wanted);
      switch (operator) {
        case ">=":
          return order >= 0;
        case "<=":
          return order <= 0;
        case ">":
          return order > 0;
        case "<":
          return order < 0;
        case "!=":
          return order !== 0;
        default:
          return order === 0;
      }
    });
}
