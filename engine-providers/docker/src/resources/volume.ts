import { setTimeout } from "node:timers/promises";
import { map, object, resourceType, string } from "@automatos/provider-plugin";
import type { PropertyMap, ResourceType } from "@automatos/provider-plugin";
import type { VolumeInspectInfo } from "dockerode";
import type { Daemon } from "../daemon/daemon.ts";
import { statusOf } from "../daemon/errors.ts";
import { given, labelList, labelMap, labelsField } from "../labels.ts";

/** How long a volume is waited for that a container still holds. */
const IN_USE_SECONDS = 15;

/** `docker:index/volume:Volume`. */
export function volumeType(daemon: Daemon): ResourceType {
  const inspect = (name: string): Promise<VolumeInspectInfo | undefined> =>
    daemon.find(`inspect volume ${name}`, (docker) => docker.getVolume(name).inspect());
  return resourceType({
    autoNamed: true,
    inputs: {
      name: string({ required: true, replaces: true }),
      driver: string({ replaces: true, computed: true }),
      driverOpts: map(string(), { replaces: true }),
      labels: labelsField,
      cluster: object({} as const, {
        replaces: true,
        validate: () => "is for volumes of a swarm, which this provider does not manage; leave it out",
      }),
    },
    outputs: ["driver", "mountpoint"],

    async create(inputs, { name: resource }) {
      // The daemon answers a name that is taken with the volume that is there.
      if (await inspect(inputs.name)) {
        throw new Error(
          `cannot create volume ${inputs.name}: there is one of that name. ` +
            `Give ${resource} another name, or take it over with the option import: ${JSON.stringify(inputs.name)}`,
        );
      }
      await daemon.ask(`create volume ${inputs.name}`, (docker) =>
        docker.createVolume({
          Name: inputs.name,
          ...(inputs.driver !== undefined && { Driver: inputs.driver }),
          ...(inputs.driverOpts && { DriverOpts: inputs.driverOpts }),
          Labels: labelMap(inputs.labels),
        }),
      );
      const info = await inspect(inputs.name);
      if (!info) throw new Error(`volume ${inputs.name} was removed while it was made; run the update again`);
      return { id: info.Name, outputs: { driver: info.Driver, mountpoint: info.Mountpoint } };
    },

    async read(id, { inputs }) {
      const info = await inspect(id);
      if (!info) return undefined;
      const facts = {
        name: info.Name,
        driver: info.Driver,
        driverOpts: info.Options ?? {},
        labels: labelList(info.Labels),
      };
      const imported = { name: info.Name, ...given(facts) };
      return {
        id: info.Name,
        inputs: inputs ? (inputs as PropertyMap) : imported,
        outputs: { ...(inputs as PropertyMap | undefined), ...facts, mountpoint: info.Mountpoint },
      };
    },

    async delete(id, _outputs, { signal }) {
      const deadline = Date.now() + IN_USE_SECONDS * 1_000;
      for (;;) {
        try {
          await daemon.find(`remove volume ${id}`, (docker) => docker.getVolume(id).remove());
          return;
        } catch (error) {
          if (statusOf(error) !== 409 || Date.now() > deadline) throw error;
          await setTimeout(250, undefined, { signal });
        }
      }
    },
  });
}
