import type { OperationContext } from "@automatos/provider-plugin";
import type { Daemon } from "../daemon/daemon.ts";
import { follow } from "../daemon/progress.ts";
import { parseImageName } from "../image-name.ts";
import type { AuthConfig } from "./credentials.ts";

/** Pushes one tag. @returns The manifest's digest, `sha256:...`. */
export function pushImage(
  daemon: Daemon,
  name: string,
  auth: AuthConfig | undefined,
  { engine, urn, signal }: OperationContext,
): Promise<string> {
  return daemon.ask(`push ${name}`, async (docker) => {
    const { familiar, tag = "latest" } = parseImageName(name);
    const output = await docker.getImage(familiar).push({ tag, authconfig: auth ?? {}, abortSignal: signal });
    const aux = await follow(output, (text) => void engine.log("info", text, { urn, ephemeral: true }));
    const digest = aux.map((value) => (value as { Digest?: unknown }).Digest).find((value) => value !== undefined);
    if (typeof digest !== "string") throw new Error("the daemon did not say which digest the registry has it under");
    return digest;
  });
}

/** @param platform As in `linux/arm64`; undefined: the daemon's own. */
export function pullImage(
  daemon: Daemon,
  name: string,
  { auth, platform }: { auth?: AuthConfig | undefined; platform?: string | undefined },
  { engine, urn, signal }: OperationContext,
): Promise<void> {
  return daemon.ask(`pull ${name}`, async (docker) => {
    const { tag, digest } = parseImageName(name);
    const output = await docker.pull(tag === undefined && digest === undefined ? `${name}:latest` : name, {
      authconfig: auth ?? {},
      ...(platform !== undefined && { platform }),
      abortSignal: signal,
    });
    await follow(output, (text) => void engine.log("info", text, { urn, ephemeral: true }));
  });
}
