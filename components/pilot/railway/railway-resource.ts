import type * as pulumi from "@pulumi/pulumi";
import type { ResourceKind } from "./providers/entry.ts";

/**
 * The shell that is kept in state, as text: it must not change without need, and may not use anything of this file.
 * Specifiers are resolved from the running program's folder, hence the package's own import map. `configure` gets the
 * stack's configuration, so that no token is among a resource's properties.
 */
export function railwayShell(kind: ResourceKind): pulumi.dynamic.ResourceProvider {
  return {
    configure: async ({ config }) =>
      (await import("#components/pilot/railway/providers/entry.ts")).configureRailway({
        railwayToken: config.get("railwayToken"),
        railwayUrl: config.get("railwayUrl"),
        railwayRequestsPerSecond: config.get("railwayRequestsPerSecond"),
      }),
    check: async (olds, news) =>
      (await import("#components/pilot/railway/providers/entry.ts")).railwayProvider(kind).check(olds, news),
    diff: async (id, olds, news) =>
      (await import("#components/pilot/railway/providers/entry.ts")).railwayProvider(kind).diff(id, olds, news),
    create: async (inputs) =>
      (await import("#components/pilot/railway/providers/entry.ts")).railwayProvider(kind).create(inputs),
    read: async (id, props) =>
      (await import("#components/pilot/railway/providers/entry.ts")).railwayProvider(kind).read(id, props),
    update: async (id, olds, news) =>
      (await import("#components/pilot/railway/providers/entry.ts")).railwayProvider(kind).update(id, olds, news),
    delete: async (id, props) =>
      (await import("#components/pilot/railway/providers/entry.ts")).railwayProvider(kind).delete(id, props),
  };
}
