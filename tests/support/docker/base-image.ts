import { readFile } from "node:fs/promises";
import type Docker from "dockerode";
import { pack } from "tar-stream";
import { programFile } from "./requirements.ts";

const COMMANDS = [
  "sh",
  "cat",
  "echo",
  "env",
  "false",
  "httpd",
  "id",
  "ls",
  "nc",
  "ping",
  "pwd",
  "sleep",
  "test",
  "touch",
  "true",
  "wget",
];

/** One static program is a system. */
export async function importBusybox(docker: Docker, name: string): Promise<void> {
  const archive = pack();
  const executable = { mode: 0o755 };
  for (const folder of ["bin", "etc", "tmp"]) archive.entry({ name: folder, type: "directory", mode: 0o755 });
  archive.entry({ name: "bin/busybox", ...executable }, await readFile(programFile("busybox")));
  for (const command of COMMANDS) archive.entry({ name: `bin/${command}`, type: "symlink", linkname: "busybox" });
  archive.entry({ name: "etc/passwd" }, "root:x:0:0:root:/:/bin/sh\nguest:x:1000:1000:guest:/tmp:/bin/sh\n");
  archive.finalize();
  const [repo, tag] = name.split(":");
  const output = await docker.importImage(archive as unknown as NodeJS.ReadableStream, {
    repo,
    tag,
    changes: [`CMD ["sh"]`, "ENV PATH=/bin"],
  });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(output, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}
