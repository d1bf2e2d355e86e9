import type { ImageBuildOptions } from "dockerode";
import type { OperationContext } from "@automatos/provider-plugin";
import type { Daemon } from "../daemon/daemon.ts";
import { follow } from "../daemon/progress.ts";
import type { AuthConfig } from "../registry/credentials.ts";
import { archiveContext } from "./context.ts";
import type { BuildContext } from "./context.ts";

export interface BuildRequest {
  readonly context: BuildContext;
  /** The image's name. */
  readonly name: string;
  readonly options: ImageBuildOptions;
  readonly cacheFrom?: readonly string[];
  readonly extraHosts?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** By registry, for base images. BuildKit takes them only in a session, which this provider has not. */
  readonly auths?: readonly AuthConfig[];
  /** The classic builder, also where the daemon has BuildKit. @default false */
  readonly classic?: boolean;
}

/** @returns The image's id. @throws with the builder's own words, and the last of its output. */
export async function buildImage(daemon: Daemon, request: BuildRequest, context: OperationContext): Promise<string> {
  const { name } = request;
  const version = request.classic !== true && (await daemon.hasBuildKit()) ? "2" : "1";
  return daemon.ask(`build image ${name}`, async (docker) => {
    const { stream: archive, dockerfile } = archiveContext(request.context);
    const unreadable = new AbortController();
    archive.on("error", (error) => unreadable.abort(error));
    const tail: string[] = [];
    const options: Record<string, unknown> = {
      ...request.options,
      t: name,
      dockerfile,
      version,
      ...(request.cacheFrom?.length && { cachefrom: JSON.stringify(request.cacheFrom) }),
      ...(request.extraHosts?.length && { extrahosts: request.extraHosts.join(",") }),
      ...(request.labels && { labels: request.labels }),
      ...(request.auths?.length && {
        registryconfig: Object.fromEntries(request.auths.map((auth) => [auth.serveraddress, auth])),
      }),
      abortSignal: AbortSignal.any([context.signal, unreadable.signal]),
    };
    const say = (text: string): void => {
      tail.push(text);
      if (tail.length > 20) tail.shift();
      void context.engine.log("info", text, { urn: context.urn, ephemeral: true });
    };
    try {
      await follow(await docker.buildImage(archive, options as ImageBuildOptions), say);
    } catch (error) {
      unreadable.signal.throwIfAborted();
      const words = error instanceof Error ? error.message : String(error);
      throw new Error([words, ...tail].join("\n"), { cause: error });
    }
    return (await docker.getImage(name).inspect()).Id;
  });
}
