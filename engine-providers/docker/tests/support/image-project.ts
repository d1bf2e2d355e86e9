/** A project with a folder `app` to build images from. */
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import type { TestContext } from "node:test";
import type { TestDaemon } from "../../../../tests/support/docker/daemon.ts";
import { BASE_IMAGE } from "../../../../tests/support/docker/daemon.ts";
import { DockerProgram } from "./program.ts";

const DOCKERFILE = `
FROM ${BASE_IMAGE} AS base
ARG GREETING=none
RUN echo "$GREETING" > /greeting
COPY . /app
FROM base AS tested
RUN echo tested > /tested
FROM base
`;

/** Gone when the test ends. */
export async function imageProgram(
  daemon: TestDaemon,
  body: string,
  test: Pick<TestContext, "after">,
): Promise<DockerProgram> {
  const program = await DockerProgram.create(daemon.host, body, test);
  const app = path.join(program.sandbox.work, "app");
  await mkdir(path.join(app, "secrets"), { recursive: true });
  await writeFile(path.join(app, "Dockerfile"), DOCKERFILE);
  await writeFile(path.join(app, ".dockerignore"), "secrets\n**/*.log\n!keep.log\n");
  await writeFile(path.join(app, "main.txt"), "one");
  await writeFile(path.join(app, "secrets", "key"), "private");
  await writeFile(path.join(app, "debug.log"), "noise");
  await writeFile(path.join(app, "keep.log"), "kept");
  await writeFile(path.join(app, "run.sh"), "#!/bin/sh\n");
  await chmod(path.join(app, "run.sh"), 0o755);
  await symlink("main.txt", path.join(app, "link"));
  return program;
}

/** What a command prints in a container of the image. */
export async function inImage({ docker }: TestDaemon, image: string, script: string): Promise<string> {
  const container = await docker.createContainer({ Image: image, Cmd: ["sh", "-c", script], Tty: true });
  await container.start();
  await container.wait();
  const logs = await container.logs({ stdout: true });
  await container.remove();
  return logs.toString().replaceAll("\r\n", "\n");
}
