import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { missingForS3Server, startS3Server, type S3Server } from "../../engine/tests/support/s3-server.ts";
import { installPackages, programOfMachine } from "./debian-packages.ts";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";

/** Why there can be no backups here; undefined where there can. Installs restic as root, as the worker's image has it. */
export async function missingForBackups(): Promise<string | undefined> {
  const absent = ["restic", "bwrap"].filter((program) => programOfMachine(program) === undefined);
  if (absent.length > 0) {
    if (process.getuid?.() !== 0) return `${absent.join(", ")} is not installed, and only root can install it`;
    try {
      await installPackages(["restic", "bubblewrap"]);
    } catch (error) {
      return `apt-get could not install restic and bubblewrap: ${(error as Error).message}`;
    }
  }
  return missingForS3Server();
}

export const newBackupKey = (id: string) => `${id}:${randomBytes(32).toString("base64")}`;

/** A bucket of a real S3 server, reached through a proxy that can be cut. */
export interface TestStore {
  readonly server: S3Server;
  readonly proxy: TcpProxy;
  /** What BACKUP and BACKUP_SECRETS hold. */
  readonly config: { readonly endpoint: string; readonly bucket: string; readonly region: string };
  readonly secrets: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly keys: string };
  /** Changes one bit in the middle of each file of data of a workspace's repository. */
  flipBits(workspaceId: string, prefix?: string): number;
  stop(): Promise<void>;
}

export async function startStore(): Promise<TestStore> {
  const server = await startS3Server();
  const bucket = new URL(await server.newBucket()).hostname;
  const proxy = await startTcpProxy(Number(new URL(server.endpoint).port));
  return {
    server,
    proxy,
    config: { endpoint: proxy.url, bucket, region: "us-east-1" },
    secrets: {
      accessKeyId: server.env["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: server.env["AWS_SECRET_ACCESS_KEY"] ?? "",
      keys: newBackupKey("one"),
    },
    flipBits(workspaceId, prefix = "automatos") {
      const data = path.join(server.folder, bucket, prefix, workspaceId, "data");
      const files = readdirSync(data, { recursive: true, encoding: "utf8" })
        .map((name) => path.join(data, name))
        .filter((file) => statSync(file).isFile());
      for (const file of files) {
        const bytes = readFileSync(file);
        const middle = Math.floor(bytes.length / 3);
        bytes[middle] = (bytes[middle] ?? 0) ^ 1;
        writeFileSync(file, bytes);
      }
      return files.length;
    },
    async stop() {
      await proxy.close();
      await server.stop();
    },
  };
}
