/**
 * The services' images for tests. They are built by a daemon whose layers stay in .automatos/docker/, so that a changed
 * source builds in seconds what took minutes, and are handed to the daemons of tests.
 */
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import type Docker from "dockerode";
import { machineIndexes, readPackageManagers } from "../../../components/local/machine-indexes.ts";
import { withFileLock } from "../../../components/local/file-lock.ts";
import { buildArguments } from "../../../components/images/build-options.ts";
import {
  SERVICE_IMAGES,
  SERVICE_NAMES,
  type BuildArgument,
  type ServiceName,
} from "../../../components/images/definitions.ts";
import { imageTag } from "../../../components/images/image-tag.ts";
import { archiveContext } from "../../../engine-providers/docker/src/build/context.ts";
import { startDaemon, type TestDaemon } from "./daemon.ts";
import { DEBIAN_IMAGE, importDebian } from "./debian-image.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const FOLDER = path.join(ROOT, ".automatos/docker");
const BUILD_TIMEOUT_MS = 15 * 60_000;

/** What the worker's image has for tasks: all that it is made for, or Python, git and no more. */
export type Toolchain = "whole" | "small";

export interface BuildRequest {
  readonly service: ServiceName;
  readonly toolchain: Toolchain;
  /** The repository's root. @default this one */
  readonly projectDir?: string;
  /** The daemon's classic builder, or BuildKit. @default "classic" */
  readonly builder?: "classic" | "buildkit";
  /** @default one that is made of what the source is now */
  readonly name?: string;
}

/** Gives each service's image to a daemon. @returns their names there */
export async function loadServiceImages(
  daemon: TestDaemon,
  toolchain: Toolchain,
): Promise<Record<ServiceName, string>> {
  const { names, archive } = await makeServiceImages(toolchain);
  const loaded = await daemon.docker.loadImage(createReadStream(archive));
  await followBuild(daemon.docker, loaded);
  return names;
}

/** Builds what loadServiceImages gives, unless it is there. */
export async function makeServiceImages(
  toolchain: Toolchain,
): Promise<{ readonly names: Record<ServiceName, string>; readonly archive: string }> {
  const names = imageNames(toolchain, await testArguments(toolchain));
  const archive = path.join(FOLDER, `images-${toolchain}-${Object.values(names).map(tagOf).join("-")}.tar`);
  if (!existsSync(archive)) await withBuilder((builder) => saveImages(builder, toolchain, names, archive));
  return { names, archive };
}

/** Runs `work` with the daemon that keeps its layers; others wait for it. */
export async function withBuilder<Result>(work: (builder: TestDaemon) => Promise<Result>): Promise<Result> {
  await mkdir(FOLDER, { recursive: true });
  return withFileLock(
    path.join(FOLDER, "builder.lock"),
    async () => {
      const builder = await startDaemon({ dataRoot: path.join(FOLDER, "builder") });
      try {
        await importDebian(builder);
        return await work(builder);
      } finally {
        await builder.stop();
      }
    },
    BUILD_TIMEOUT_MS,
  );
}

/** @returns the image's name in the daemon. @throws with the last lines of the build's output. */
export async function buildServiceImage(daemon: TestDaemon, request: BuildRequest): Promise<string> {
  const { service, toolchain, projectDir = ROOT, builder = "classic" } = request;
  const args = await testArguments(toolchain);
  const name = request.name ?? imageNames(toolchain, args, projectDir)[service];
  const { url } = await daemon.wayOut();
  const proxy = { HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url };
  const { stream, dockerfile } = archiveContext({
    folder: projectDir,
    dockerfile: path.join(projectDir, SERVICE_IMAGES[service].dockerfile),
  });
  const output = await daemon.docker.buildImage(stream, {
    t: name,
    dockerfile,
    networkmode: "host",
    buildargs: { ...buildArguments(service, { arguments: args }), ...proxy },
    version: builder === "buildkit" ? "2" : "1",
  });
  await followBuild(daemon.docker, output);
  return name;
}

/** Of this machine: Debian's base, the Python that it has, and the indexes of its pip and npm. */
async function testArguments(toolchain: Toolchain): Promise<Partial<Record<BuildArgument, string>>> {
  const { pipIndexUrl, npmRegistry } = machineIndexes(await readPackageManagers());
  return {
    BASE_IMAGE: DEBIAN_IMAGE,
    PYTHON_VERSION: "3.11", // Debian 12 has no other; production's base has 3.12
    ...(pipIndexUrl !== undefined && { PIP_INDEX_URL: pipIndexUrl }),
    ...(npmRegistry !== undefined && { NPM_REGISTRY: npmRegistry }),
    ...(toolchain === "small" && { SYSTEM_TOOLS: "curl", PYTHON_TOOLS: "", NODE_TOOLS: "" }),
  };
}

function imageNames(
  toolchain: Toolchain,
  args: Partial<Record<BuildArgument, string>>,
  projectDir = ROOT,
): Record<ServiceName, string> {
  const nameOf = (service: ServiceName) =>
    `automatos-${toolchain}/${service}:${imageTag(projectDir, service, buildArguments(service, { arguments: args }))}`;
  return Object.fromEntries(SERVICE_NAMES.map((service) => [service, nameOf(service)])) as Record<ServiceName, string>;
}

const tagOf = (name: string): string => name.slice(name.lastIndexOf(":") + 1).slice(0, 8);

async function saveImages(
  builder: TestDaemon,
  toolchain: Toolchain,
  names: Record<ServiceName, string>,
  archive: string,
): Promise<void> {
  if (existsSync(archive)) return; // whoever had the lock before made it
  for (const service of SERVICE_NAMES) {
    const there = await builder.docker
      .getImage(names[service])
      .inspect()
      .catch(() => undefined);
    if (there !== undefined) continue;
    process.stderr.write(`building the image of ${service} (${toolchain} toolchain) ...\n`);
    await buildServiceImage(builder, { service, toolchain, name: names[service] }); // the source may change meanwhile
  }
  await pipeline(await exported(builder, Object.values(names)), createWriteStream(`${archive}.part`));
  const old = (await readdir(FOLDER)).filter(
    (file) => file.startsWith(`images-${toolchain}-`) && file.endsWith(".tar"),
  );
  for (const file of old) await rm(path.join(FOLDER, file));
  await rename(`${archive}.part`, archive);
}

/** Several images as one archive, which has what they share once; dockerode knows one at a time. */
async function exported({ host }: TestDaemon, names: readonly string[]): Promise<IncomingMessage> {
  const query = names.map((name) => `names=${encodeURIComponent(name)}`).join("&");
  const asked = get({ socketPath: host.replace("unix://", ""), path: `/images/get?${query}` });
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  if (response.statusCode !== 200)
    throw new Error(`images could not be exported: status ${response.statusCode ?? "?"}`);
  return response;
}

/** Resolves at the end of what the daemon says of a build or a load. @throws with its last lines. */
export async function followBuild(docker: Docker, output: NodeJS.ReadableStream): Promise<void> {
  const tail: string[] = [];
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      output,
      (error: Error | null) => {
        if (error === null) resolve();
        else reject(new Error(`${error.message}\n${tail.join("")}`, { cause: error }));
      },
      ({ stream }: { stream?: string }) => {
        if (stream !== undefined) tail.push(stream);
        if (tail.length > 40) tail.shift();
      },
    );
  });
}
