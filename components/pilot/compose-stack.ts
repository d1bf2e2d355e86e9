import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { ComposeConfig } from "../../contracts/pilot-config.ts";
import { ServiceImages } from "../images/service-images.ts";
import { readWorkerSeccomp } from "../images/worker-security.ts";
import { PROJECT_DIR } from "../local/project-folder.ts";
import { serviceBuild } from "./build.ts";
import { containerArgs } from "./container-args.ts";
import { makePilotSecrets, type PilotSecretsArgs } from "./pilot-secrets.ts";
import {
  type NetworkName,
  NETWORKS,
  type PilotService,
  type ServiceName,
  type VolumeName,
  VOLUMES,
} from "./service.ts";
import { pilotServices } from "./services.ts";

export interface ComposeStackArgs extends Omit<PilotSecretsArgs, "credentialKeys"> {
  readonly config: ComposeConfig;
}

type Text = pulumi.Output<string>;

const LOG_LINES = 20;

/**
 * The pilot on one Docker host: PostgreSQL, Redis, API, gateway and workers as containers. Everything but the API's port
 * stays inside. Data lie in volumes, which `protectData` keeps.
 */
export class ComposeStack extends pulumi.ComponentResource {
  readonly apiUrl: pulumi.Output<string>;
  readonly apiDocsUrl: pulumi.Output<string>;
  /** Bearer token of the first administrator; a secret. */
  readonly adminToken: pulumi.Output<string>;
  /** Volumes of the Docker host in which the data lie. */
  readonly volumes: pulumi.Output<Readonly<Record<string, string>>>;
  readonly #name: string;
  readonly #config: ComposeConfig;

  constructor(name: string, args: ComposeStackArgs, opts?: pulumi.ComponentResourceOptions) {
    super("automatos:pilot:ComposeStack", name, { config: args.config }, opts);
    this.#name = name;
    this.#config = args.config;
    const { config } = args;
    const { host } = config.docker;
    const provider = new docker.Provider(name, host === undefined ? {} : { host }, { parent: this });
    const child = { parent: this, provider };
    const kept = { parent: this, protect: config.protectData };

    const secrets = makePilotSecrets(name, { ...args, credentialKeys: config.credentialKeys }, kept);
    const networks = mapValues(
      NETWORKS,
      (network: NetworkName, { internal }) =>
        new docker.Network(`${name}-${network}`, { internal, labels: this.#dockerLabels() }, child).name,
    );
    const volumes = mapValues(
      VOLUMES,
      (volume: VolumeName) =>
        new docker.Volume(`${name}-${volume}`, { labels: this.#dockerLabels() }, { ...kept, provider }).name,
    );
    const images = this.#images(child);

    const started = new Map<ServiceName, pulumi.Input<pulumi.Resource>[]>();
    const services = pilotServices<Text>({
      ...{ config, secrets, workerSeccomp: readWorkerSeccomp(PROJECT_DIR) },
      concat: (...parts) => pulumi.concat(...parts),
    });
    for (const service of services) {
      const dependsOn = service.after.flatMap((other) => started.get(other) ?? []);
      const numbers =
        service.name === "worker" ? Array.from({ length: config.workers }, (_, at) => at + 1) : [undefined];
      started.set(
        service.name,
        numbers.map((index) => {
          const place = { ...(index === undefined ? {} : { index }), image: images[service.name], networks, volumes };
          return this.#container(service, place, { ...child, dependsOn });
        }),
      );
    }

    const { address, api } = config.publish;
    this.apiUrl = pulumi.output(`http://${urlHost(address)}:${api}`);
    this.apiDocsUrl = pulumi.interpolate`${this.apiUrl}/docs`;
    this.adminToken = secrets.adminToken;
    this.volumes = pulumi.all(volumes);
    this.registerOutputs({
      apiUrl: this.apiUrl,
      apiDocsUrl: this.apiDocsUrl,
      adminToken: this.adminToken,
      volumes: this.volumes,
    });
  }

  #images(
    child: pulumi.CustomResourceOptions & { parent: pulumi.Resource },
  ): Record<ServiceName, pulumi.Input<string>> {
    const { services: refs, postgres, redis } = this.#config.images;
    const provider = { parent: this, ...(child.provider === undefined ? {} : { providers: [child.provider] }) };
    const services = new ServiceImages(
      `${this.#name}-images`,
      refs === undefined ? { build: { projectDir: PROJECT_DIR, ...serviceBuild(this.#config) } } : { refs },
      provider,
    );
    /** By its content, so that a tag that was moved meanwhile changes nothing until somebody pulls it. */
    const pulled = (service: ServiceName, ref: string) =>
      new docker.RemoteImage(`${this.#name}-${service}-image`, { name: ref, keepLocally: true }, child).imageId;
    return {
      ...services.refs,
      ...(refs === undefined ? {} : mapValues(refs, (service: keyof typeof refs, ref) => pulled(service, ref))),
      postgres: pulled("postgres", postgres),
      redis: pulled("redis", redis),
    };
  }

  #container(
    service: PilotService<Text>,
    place: Pick<Parameters<typeof containerArgs>[1], "index" | "image" | "networks" | "volumes">,
    opts: pulumi.CustomResourceOptions,
  ): pulumi.Input<pulumi.Resource> {
    const { restart, logs } = this.#config;
    const name = [this.#name, service.name, place.index].filter((part) => part !== undefined).join("-");
    const container = new docker.Container(
      name,
      containerArgs(service, { ...place, restart, logs, labels: this.#labels() }),
      opts,
    );
    return service.once ? endedWell(name, container) : container;
  }

  #labels(): Record<string, string> {
    return { "automatos.stack": pulumi.getStack() };
  }

  #dockerLabels() {
    return Object.entries(this.#labels()).map(([label, value]) => ({ label, value }));
  }
}

/** The container, once it has ended as it should. Containers that ended otherwise are started by nobody again. */
function endedWell(name: string, container: docker.Container): pulumi.Output<pulumi.Resource> {
  return pulumi.all([container.exitCode, container.containerLogs, container.name]).apply(([code, logs, made]) => {
    if (code === 0) return container;
    const said = logs.trim().split("\n").slice(-LOG_LINES).join("\n");
    throw new pulumi.RunError(
      `${name} ended with exit code ${code}:\n${said}\n` +
        `Mend the cause; then remove the container (\`docker rm ${made}\`) and run \`up --refresh\`, which runs it again.`,
    );
  });
}

const urlHost = (address: string) => {
  if (address === "0.0.0.0" || address === "::") return "127.0.0.1"; // every address: also this one
  return address.includes(":") ? `[${address}]` : address;
};

function mapValues<Key extends string, From, To>(
  record: Readonly<Record<Key, From>>,
  map: (key: Key, value: From) => To,
): Record<Key, To> {
  const entries = Object.entries(record) as [Key, From][];
  return Object.fromEntries(entries.map(([key, value]) => [key, map(key, value)])) as Record<Key, To>;
}
