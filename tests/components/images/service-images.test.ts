import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { SERVICE_NAMES } from "../../../components/images/definitions.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const recorded: { type: string; inputs: Record<string, unknown> }[] = [];

await pulumi.runtime.setMocks({
  newResource({ type, name, inputs }) {
    recorded.push({ type, inputs: inputs as Record<string, unknown> });
    return { id: name, state: inputs as Record<string, unknown> };
  },
  call: ({ token }) => {
    throw new Error(`called ${token}`);
  },
});
const { ServiceImages } = await import("../../../components/images/service-images.ts");

describe("ServiceImages", () => {
  it("builds each image under a tag of its content, not in previews, and pushes none", async () => {
    const images = new ServiceImages("images", {
      build: { projectDir: ROOT, arguments: { BASE_IMAGE: "base", PYTHON_VERSION: "3.11" }, network: "host" },
    });
    const refs = await Promise.all(
      SERVICE_NAMES.map((service) => new Promise<string>((resolve) => images.refs[service].apply(resolve))),
    );
    for (const [at, service] of SERVICE_NAMES.entries()) {
      assert.match(refs[at] ?? "", new RegExp(`^automatos/${service}:[0-9a-f]{16}$`));
      const built = recorded.find(({ inputs }) => inputs["imageName"] === refs[at]);
      assert.deepEqual(built?.inputs, {
        imageName: refs[at],
        skipPush: true,
        buildOnPreview: false,
        build: {
          context: ROOT,
          dockerfile: `${ROOT}/services/${service}/Dockerfile`,
          args: { BASE_IMAGE: "base", ...(service === "worker" && { PYTHON_VERSION: "3.11" }) },
          network: "host",
        },
      });
    }
  });

  it("takes images that were built elsewhere, and makes nothing then", async () => {
    const before = recorded.length;
    const refs = Object.fromEntries(SERVICE_NAMES.map((service) => [service, `r/${service}@sha256:0`]));
    const images = new ServiceImages("elsewhere", { refs: refs as Record<(typeof SERVICE_NAMES)[number], string> });
    assert.equal(await new Promise((resolve) => images.refs.worker.apply(resolve)), "r/worker@sha256:0");
    assert.equal(recorded.slice(before).filter(({ type }) => type.startsWith("docker:")).length, 0);
  });

  it("wants one of the two", () => {
    assert.throws(() => new ServiceImages("none", {}), /give either build or refs; neither is there/);
  });
});
