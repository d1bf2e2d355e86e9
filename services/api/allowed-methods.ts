import type { RouteEntry } from "./access.ts";

/** Says which methods a path takes, for answers 405 with `Allow`: the router itself knows a path by method only. */
export class AllowedMethods {
  readonly #table: readonly RouteEntry[];
  readonly #patterns = new Map<string, RegExp>();

  constructor(table: readonly RouteEntry[]) {
    this.#table = table;
  }

  /** Whether a route names this very path, and none that does takes the method. */
  refuses(method: string, path: string): boolean {
    const own = this.#table.filter(({ url }) => url === path);
    return own.length > 0 && !own.some((route) => route.method === method);
  }

  /** In the order of the alphabet; none where the path leads nowhere. A route that names the path itself stands alone. */
  of(path: string): string[] {
    const own = this.#table.filter(({ url }) => url === path);
    const routes = own.length > 0 ? own : this.#table.filter(({ url }) => this.#pattern(url).test(path));
    return [...new Set(routes.map(({ method }) => method))].toSorted();
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
