import { list, resourceType, string } from "@automatos/provider-plugin";
import type { PropertyMap, ResourceType } from "@automatos/provider-plugin";
import type { Daemon } from "../daemon/daemon.ts";
import { imageNameProblem, parseImageName } from "../image-name.ts";

/** `docker:index/tag:Tag`: `docker tag`. Deleting it deletes neither image nor tag, as in Pulumi's provider. */
export function tagType(daemon: Daemon): ResourceType {
  return resourceType({
    inputs: {
      sourceImage: string({ required: true, replaces: true, validate: imageNameProblem }),
      targetImage: string({ required: true, replaces: true, validate: imageNameProblem }),
      /** A change tags again: when the source name has come to mean another image. */
      tagTriggers: list(string(), { replaces: true, unordered: true }),
    },
    outputs: ["sourceImageId"],

    async create({ sourceImage, targetImage }) {
      const { familiar, tag = "latest" } = parseImageName(targetImage);
      await daemon.ask(`tag ${sourceImage} as ${targetImage}`, (docker) =>
        docker.getImage(sourceImage).tag({ repo: familiar, tag }),
      );
      const info = await daemon.ask(`inspect image ${sourceImage}`, (docker) => docker.getImage(sourceImage).inspect());
      return { id: `${sourceImage}.${targetImage}`, outputs: { sourceImageId: info.Id } };
    },

    async read(id, { inputs, outputs }) {
      if (!inputs) throw new Error("a Tag cannot be imported: its id does not say which two names it joins");
      const { targetImage } = inputs;
      const found = await daemon.find(`inspect image ${targetImage}`, (docker) =>
        docker.getImage(targetImage).inspect(),
      );
      return found && { id, inputs: inputs as PropertyMap, outputs };
    },

    async delete() {
      // Both images stay.
    },
  });
}
