import type { RouteEntry } from "./access.ts";

/** Says which methods a path takes, for answers 405 with `Allow`: the router itself knows a path by method only. */
export class AllowedMethods {
  readonly #table: readonly RouteEntry[];
  /** Path of a route, as it is written -> its methods; made at the first request, when every route is there. */
  #named: ReadonlyMap<string, ReadonlySet<string>> | undefined;

  constructor(table: readonly RouteEntry[]) {
    this.#table = table;
  }

  /** Whether a route names this very path, and none that does takes the method. */
  refuses(method: string, path: string): boolean {
    return this.#methodsOf(path)?.has(method) === false;
  }

  /** In the order of the alphabet; none where the path leads nowhere. A route that names the path itself stands alone. */
  of(path: string): string[] {
    const methods = this.#methodsOf(path) ?? this.#table.filter(({ url }) => leadsTo(url, path)).map(methodOf);
    return [...new Set(methods)].toSorted();
  }

  #methodsOf(path: string): ReadonlySet<string> | undefined {
    this.#named ??= new Map(
      [...Map.groupBy(this.#table, ({ url }) => url)].map(([url, routes]) => [url, new Set(routes.map(methodOf))]),
    );
    return this.#named.get(path);
  }
}

const methodOf = ({ method }: RouteEntry): string => method;

/** `/api/tasks/:taskId` and `/files/*` as expressions. */
function leadsTo(url: string, path: string): boolean {
  const source = url
    .replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll(/:\w+/g, "[^/]+")
    .replaceAll("*", ".*");
  return new RegExp(`^${source}$`).test(path);
}
