/** The SDK's functions (`getX`), answered out of the pretended cloud. */
import { UnknownTokenError } from "@automatos/provider-plugin";
import type { PropertyMap } from "@automatos/provider-plugin";
import { RehearsedCloudError } from "./errors.ts";
import { lookUp } from "./references.ts";
import type { SdkCatalogue } from "./sdk-catalogue.ts";
import type { Session } from "./session.ts";
import { defined } from "./values.ts";

/** @throws UnknownTokenError, and RehearsedCloudError when the function is not rehearsed or its answer is not there */
export function callFunction(
  session: Session,
  catalogue: SdkCatalogue,
  token: string,
  args: PropertyMap,
): Promise<PropertyMap> {
  const { definition, configured, store, clusters } = session;
  const run = definition.functions.get(token);
  if (run === undefined) {
    if (!catalogue.hasFunction(token)) {
      const remedy = `${definition.sdk} ${catalogue.version} does not call it either.`;
      throw new UnknownTokenError("function", token, remedy);
    }
    const known = [...definition.functions.keys()].map((name) => name.split(":").at(-1)).join(", ");
    const message = `the function ${token} is not rehearsed. Those that are: ${known}`;
    throw new RehearsedCloudError(definition.name, "FunctionNotRehearsed", message);
  }
  return store.transaction((cloud) => {
    const record = { time: new Date().toISOString(), cloud: definition.name, action: "invoke" as const, type: token };
    const blank = { name: "", urn: "", id: "", inputs: store.sealing.digest(args), permissions: [] };
    try {
      const result = defined(
        run({
          args,
          place: configured.place,
          cloud,
          errors: definition.errors,
          find(types, text) {
            const object = lookUp(cloud, types, definition.normalise(text));
            const type = typeof types === "string" ? types : (types[0] ?? "");
            if (object === undefined) throw definition.errors.notFound({ type, name: text, id: text });
            return { ...store.sealing.unseal(object.outputs), id: object.id };
          },
          cluster: (name) => clusters.of([name]),
          anyCluster: clusters.only,
        }),
      );
      cloud.record({ ...record, ...blank, outcome: "done" });
      return { ...result, rehearsed: true };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      cloud.record({ ...record, ...blank, outcome: "failed", error: message });
      throw error;
    }
  });
}
