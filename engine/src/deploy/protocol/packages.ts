/** The packages that programs announce, and the plugins that serve them. */
import { randomUUID } from "node:crypto";
import type { RegisterPackageRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import { UnsupportedError } from "../errors.ts";
import type { PackageRequest } from "../provider/provider-inputs.ts";

/** What of a request says which plugin is meant. */
interface PluginFields {
  getVersion: () => string;
  getPlugindownloadurl: () => string;
  getPackageref: () => string;
}

export class Packages {
  readonly #byReference = new Map<string, PackageRequest>();
  readonly #references = new Map<string, string>();

  /** The same package has the same reference, however often it is registered. */
  register(request: RegisterPackageRequest): string {
    const name = request.getName();
    if (name === "") throw new Error("package name is empty");
    const extension = request.getExtension$();
    if (extension !== undefined)
      throw new UnsupportedError(`packages that extend another (${extension.getName()}, which extends ${name})`);
    const parameterization = request.getParameterization();
    const described: PackageRequest = {
      plugin: name,
      version: request.getVersion(),
      pluginDownloadUrl: withoutSlash(request.getDownloadUrl()),
      ...(parameterization && {
        parameterization: {
          name: parameterization.getName(),
          version: parameterization.getVersion(),
          value: parameterization.getValue_asB64(),
        },
      }),
    };
    const key = JSON.stringify(described);
    let reference = this.#references.get(key);
    if (reference === undefined) {
      reference = randomUUID();
      this.#references.set(key, reference);
      this.#byReference.set(reference, described);
    }
    return reference;
  }

  /** The package that a request names, else the one of its token. @throws Error when it names one that is not known. */
  requestOf(fields: PluginFields, name: string): PackageRequest {
    return (
      this.named(fields) ?? {
        plugin: name,
        version: fields.getVersion(),
        pluginDownloadUrl: withoutSlash(fields.getPlugindownloadurl()),
      }
    );
  }

  /** The package that a request names. @throws Error when it is not known. */
  named(fields: Pick<PluginFields, "getPackageref">): PackageRequest | undefined {
    const reference = fields.getPackageref();
    if (reference === "") return undefined;
    const found = this.#byReference.get(reference);
    if (found === undefined) throw new Error(`unknown provider package '${reference}'`);
    return found;
  }
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, "");
}
