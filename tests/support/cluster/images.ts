/** Container images from local files: nothing is pulled. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { pack } from "tar-stream";
import type { Pack } from "tar-stream";

const run = promisify(execFile);

/** All that runs in the cluster: busybox, which is also what holds a pod's namespaces. */
export const BUSYBOX_IMAGE = "automatos.test/busybox:1";
/** The same under the name by which the container runtime knows it for pods' sandboxes. */
export const PAUSE_IMAGE = "automatos.test/pause:1";

const EPOCH = new Date(0);

/** Writes both images as one archive (docker-archive), as `ctr images import` reads it. */
export async function writeImages(file: string): Promise<void> {
  const layer = await busyboxLayer();
  const digest = createHash("sha256").update(layer).digest("hex");
  const image = (entrypoint: readonly string[]) =>
    JSON.stringify({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      created: EPOCH.toISOString(),
      config: { Entrypoint: entrypoint, Env: ["PATH=/bin"], WorkingDir: "/tmp" },
      rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
      history: [{ created: EPOCH.toISOString() }],
    });
  const archive = pack();
  const contents = {
    "layer.tar": layer,
    "busybox.json": image([]),
    "pause.json": image(["/bin/busybox", "sleep", "inf"]),
    "manifest.json": JSON.stringify([
      { Config: "busybox.json", RepoTags: [BUSYBOX_IMAGE], Layers: ["layer.tar"] },
      { Config: "pause.json", RepoTags: [PAUSE_IMAGE], Layers: ["layer.tar"] },
    ]),
  };
  for (const [name, content] of Object.entries(contents)) archive.entry({ name, mtime: EPOCH }, content);
  archive.finalize();
  await pipeline(archive, createWriteStream(file));
}

async function busyboxLayer(): Promise<Buffer> {
  const { stdout } = await run("/bin/busybox", ["--list"]);
  const layer = pack();
  for (const name of ["bin", "etc", "dev", "proc", "sys"]) layer.entry({ name, type: "directory", mtime: EPOCH });
  layer.entry({ name: "tmp", type: "directory", mode: 0o1777, mtime: EPOCH });
  layer.entry({ name: "bin/busybox", mode: 0o755, mtime: EPOCH }, await readFile("/bin/busybox"));
  for (const applet of stdout.split("\n").filter((name) => name !== "" && name !== "busybox"))
    layer.entry({ name: `bin/${applet}`, type: "symlink", linkname: "busybox", mtime: EPOCH });
  layer.entry({ name: "etc/passwd", mtime: EPOCH }, "root:x:0:0:root:/tmp:/bin/sh\napp:x:1000:1000::/tmp:/bin/sh\n");
  layer.finalize();
  return wholeOf(layer);
}

async function wholeOf(archive: Pack): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
