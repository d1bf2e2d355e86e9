/** The cluster that a kubeconfig leads to. Nothing is connected to. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const Named = <T extends z.ZodType>(key: string, value: T) => z.object({ name: z.string(), [key]: value });
const Kubeconfig = z.object({
  "current-context": z.string().optional(),
  clusters: z.array(Named("cluster", z.record(z.string(), z.unknown()))),
  contexts: z.array(Named("context", z.object({ cluster: z.string(), user: z.string().optional() }))),
  users: z.array(Named("user", z.record(z.string(), z.unknown()))).default([]),
});

/** A real cluster behind a rehearsed one. */
export interface KubeconfigCluster {
  /** With scheme and port. */
  readonly server: string;
  /** PEM in base64; empty when the kubeconfig has none. */
  readonly caCertificate: string;
  /** PEM in base64; empty when the user has none. */
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** Bearer token; empty when the user has none. */
  readonly token: string;
}

/** A kubeconfig cannot be used. */
export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";

  constructor(file: string, what: string, options?: ErrorOptions) {
    super(`the kubeconfig ${file} of a rehearsed cluster cannot be used: ${what}`, options);
  }
}

/** @throws KubeconfigError */
export function readKubeconfig(file: string, context?: string): KubeconfigCluster {
  let document: unknown;
  try {
    document = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new KubeconfigError(file, error instanceof Error ? error.message : String(error), { cause: error });
  }
  const parsed = Kubeconfig.safeParse(document);
  if (!parsed.success) throw new KubeconfigError(file, `\n${z.prettifyError(parsed.error)}`);
  const wanted = context ?? parsed.data["current-context"] ?? "";
  const chosen = entry(file, parsed.data.contexts, "context", wanted) as { cluster: string; user?: string };
  const cluster = entry(file, parsed.data.clusters, "cluster", chosen.cluster) as Record<string, unknown>;
  const user = chosen.user === undefined ? {} : (entry(file, parsed.data.users, "user", chosen.user) as object);
  const server = cluster["server"];
  if (typeof server !== "string") throw new KubeconfigError(file, `the cluster ${chosen.cluster} has no server`);
  const data = (from: object, name: string) => inBase64(file, from as Record<string, unknown>, name);
  return {
    server,
    caCertificate: data(cluster, "certificate-authority"),
    clientCertificate: data(user, "client-certificate"),
    clientKey: data(user, "client-key"),
    token: textOf((user as Record<string, unknown>)["token"]),
  };
}

function entry(file: string, list: readonly Record<string, unknown>[], key: string, name: string): unknown {
  const found = list.find((item) => item["name"] === name);
  if (found === undefined) {
    const names = list.map((item) => String(item["name"])).join(", ") || "none";
    throw new KubeconfigError(file, `it has no ${key} ${JSON.stringify(name)}; it has ${names}`);
  }
  return found[key];
}

/** Either the data or the path of a file, as kubectl reads them. */
function inBase64(file: string, from: Record<string, unknown>, name: string): string {
  const data = textOf(from[`${name}-data`]);
  if (data !== "") return data;
  const path = textOf(from[name]);
  if (path === "") return "";
  try {
    return readFileSync(resolve(dirname(file), path)).toString("base64");
  } catch (error) {
    throw new KubeconfigError(file, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
