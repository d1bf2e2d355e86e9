/**
 * Builds all images that tests run, and Docker Compose, into .automatos/docker/: a program that the whole suite starts
 * beside its checks, as a machine that has built none takes longer for them than a test file may take. Tests build what
 * is not there.
 */
import { SERVICE_NAMES } from "../../../components/images/definitions.ts";
import { composeIsMissing } from "./compose.ts";
import { dockerIsMissing } from "./daemon.ts";
import { makeDataImage } from "./data-images.ts";
import { debianIsMissing } from "./debian-image.ts";
import { buildServiceImage, makeServiceImages, withBuilder } from "./service-images.ts";

if ((await dockerIsMissing()) === false && (await debianIsMissing()) === false) {
  await makeDataImage();
  await makeServiceImages("small");
  await withBuilder(async (builder) => {
    for (const service of SERVICE_NAMES) await buildServiceImage(builder, { service, toolchain: "whole" });
  });
  await composeIsMissing();
}
