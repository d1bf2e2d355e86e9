import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type { ContainerCreateOptions } from "dockerode";
import { readWorkerSeccomp, workerSecurity, workerSecurityOpts } from "../../../components/images/worker-security.ts";
import type { TestDaemon } from "./daemon.ts";

/** As a worker's container is made, on the project's own description. */
export function workerHost(projectDir: string): NonNullable<ContainerCreateOptions["HostConfig"]> {
  const options = workerSecurityOpts({ seccomp: readWorkerSeccomp(projectDir) });
  const { path, options: mount } = workerSecurity.runtimeTmpfs;
  return {
    CapDrop: [...workerSecurity.capDrop],
    // the docker command's word for two settings of the daemon's API
    SecurityOpt: options.filter((option) => option !== "systempaths=unconfined"),
    MaskedPaths: [],
    ReadonlyPaths: [],
    ReadonlyRootfs: true,
    Tmpfs: { [path]: mount, "/tmp": "mode=1777,exec" },
    Memory: 2 * 1024 ** 3,
    NanoCpus: 2e9,
    NetworkMode: "none",
  };
}

/** Runs a container to its end and removes it. */
export async function runContainer(
  { docker }: TestDaemon,
  options: ContainerCreateOptions,
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const container = await docker.createContainer(options);
  try {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    const said = new PassThrough();
    docker.modem.demuxStream(stream, said, said);
    stream.on("end", () => said.end());
    const output = text(said);
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    return { exitCode: StatusCode, output: await output };
  } finally {
    await container.remove({ force: true, v: true });
  }
}
