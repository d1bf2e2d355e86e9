import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { TestCluster } from "../../../../tests/support/cluster/cluster.ts";

const run = promisify(execFile);

/** Looks at the cluster, and changes it behind the program's back. */
export class Kubectl {
  readonly #cluster: TestCluster;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  async run(...args: string[]): Promise<string> {
    const { kubectl, kubeconfig } = this.#cluster;
    const { stdout } = await run(kubectl, ["--kubeconfig", kubeconfig, ...args]);
    return stdout;
  }

  /** Undefined when there is none. */
  async get(...args: string[]): Promise<LiveObject | undefined> {
    const found = await this.run("get", ...args, "-o", "json", "--ignore-not-found", "--show-managed-fields");
    return found === "" ? undefined : (JSON.parse(found) as LiveObject);
  }
}

export interface LiveObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields: readonly { readonly manager: string; readonly operation: string }[];
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, string>>;
}
