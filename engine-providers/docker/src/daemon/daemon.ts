import Docker from "dockerode";
import { connectionOf } from "./connection.ts";
import type { ConnectionConfig } from "./connection.ts";
import { DaemonError, DaemonUnreachableError, isUnreachable, statusOf } from "./errors.ts";

export interface DaemonVersion {
  readonly ApiVersion: string;
  readonly Os: string;
  readonly Arch: string;
}

/** The Docker daemon that the provider was configured for. */
export class Daemon {
  #connected: { readonly host: string; readonly docker: Docker } | undefined;
  #version: Promise<DaemonVersion> | undefined;

  /** Opens nothing yet: a daemon that is away is an error of the first operation that needs it. */
  configure(config: ConnectionConfig, env: NodeJS.ProcessEnv = process.env): void {
    const { host, options } = connectionOf(config, env);
    this.#connected = { host, docker: new Docker(options) };
  }

  /**
   * Asks the daemon. `action` completes "cannot ...".
   * @throws DaemonUnreachableError, DaemonError
   */
  async ask<T>(action: string, ask: (docker: Docker) => Promise<T>): Promise<T> {
    if (!this.#connected) throw new Error("the provider is not configured: the engine did not call Configure first");
    const { host, docker } = this.#connected;
    try {
      return await ask(docker);
    } catch (error) {
      if (isUnreachable(error)) throw new DaemonUnreachableError(host, error);
      if (error instanceof DaemonError) throw error;
      throw new DaemonError(action, error);
    }
  }

  /** As `ask`; undefined where the daemon says that there is no such thing. */
  async find<T>(action: string, ask: (docker: Docker) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.ask(action, ask);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  version(): Promise<DaemonVersion> {
    this.#version ??= this.ask("ask the daemon for its version", async (docker) => docker.version());
    return this.#version;
  }

  /** BuildKit is in Linux daemons of Docker 18.09 and later. */
  async hasBuildKit(): Promise<boolean> {
    const { ApiVersion, Os } = await this.version();
    return Os === "linux" && isAtLeast(ApiVersion, "1.39");
  }
}

export function isAtLeast(version: string, least: string): boolean {
  return version.localeCompare(least, "en", { numeric: true }) >= 0;
}
