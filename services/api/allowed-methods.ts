import type { RouteEntry } from "./access.ts";

/** Says which methods a path takes, for answers 405 with `Allow`: the router itself knows a path by method only. */
export class AllowedMethods {
  readonly #table: readonly RouteEntry[];
  readonly #patterns = new Map<string, RegExp>();

  constructor(table: readonly RouteEntry[]) {
    this.#table = table;
  }

  /** In the order of the alphabet; none where the path leads nowhere. */
  of(path: string): string[] {
    const methods = this.#table.filter(({ url }) => this.#pattern(url).test(path)).map(({ method }) => method);
    return [...new Set(methods)].toSorted();
  }

  /** `/api/tasks/:taskId` and `/files/*` as expressions. */
  #pattern(url: string): RegExp {
    const known = this.#patterns.get(url);
    if (known !== undefined) return known;
    const source = url
      .replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/:\w+/g, "[^/]+")
      .replaceAll("*", ".*");
    const pattern = new RegExp(`^${source}$`);
    this.#patterns.set(url, pattern);
    return pattern;
  }
}
