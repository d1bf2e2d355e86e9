/** A kubeconfig of a cluster that nobody connects to. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export const CLUSTER = {
  server: "https://127.0.0.1:46443",
  authority: Buffer.from("authority").toString("base64"),
  certificate: Buffer.from("certificate").toString("base64"),
  key: Buffer.from("key").toString("base64"),
  token: "token-of-the-cluster",
};

/** Writes it into the folder and gives its path. */
export function writeKubeconfig(folder: string): string {
  const path = join(folder, "kubeconfig.yaml");
  writeFileSync(
    path,
    `apiVersion: v1
kind: Config
current-context: test
clusters:
  - name: c
    cluster:
      server: ${CLUSTER.server}
      certificate-authority-data: ${CLUSTER.authority}
contexts:
  - name: test
    context: { cluster: c, user: u }
users:
  - name: u
    user:
      client-certificate-data: ${CLUSTER.certificate}
      client-key-data: ${CLUSTER.key}
      token: ${CLUSTER.token}
`,
  );
  return path;
}
