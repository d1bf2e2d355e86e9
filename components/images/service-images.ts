import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { buildArguments, type BuildOptions } from "./build-options.ts";
import { imageTag } from "./image-tag.ts";
import { SERVICE_IMAGES, SERVICE_NAMES, type ServiceName } from "./definitions.ts";

export interface ServiceImagesArgs {
  /** Builds the images on the daemon that runs them. Either this or `refs`. */
  readonly build?: BuildOptions & {
    /** The repository's root, absolute. */
    readonly projectDir: string;
    /**
     * What stands before `/<service>:<tag>` in the images' names.
     * @default "automatos"
     */
    readonly repository?: string;
  };
  /** Uses images that were built elsewhere, e.g. `registry.example/automatos/api@sha256:...`. Either this or `build`. */
  readonly refs?: Readonly<Record<ServiceName, string>>;
}

/**
 * The images of the services: built here, or made elsewhere and named. A built one's tag is the hash of all that it is
 * made of, so that a container that names it is made anew when, and only when, its service changed.
 */
export class ServiceImages extends pulumi.ComponentResource {
  /** What to start containers from. */
  readonly refs: Readonly<Record<ServiceName, pulumi.Output<string>>>;

  constructor(name: string, args: ServiceImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("automatos:images:ServiceImages", name, {}, opts);
    const refOf = this.#refs(name, args);
    this.refs = Object.fromEntries(SERVICE_NAMES.map((service) => [service, refOf(service)])) as typeof this.refs;
    this.registerOutputs({ refs: this.refs });
  }

  #refs(name: string, { build, refs }: ServiceImagesArgs): (service: ServiceName) => pulumi.Output<string> {
    if (build !== undefined && refs === undefined) return (service) => this.#build(name, service, build);
    if (refs !== undefined && build === undefined) return (service) => pulumi.output(refs[service]);
    const found = build === undefined ? "neither is" : "both are";
    throw new pulumi.ResourceError(`${name}: give either build or refs; ${found} there`, this, true);
  }

  #build(name: string, service: ServiceName, build: NonNullable<ServiceImagesArgs["build"]>): pulumi.Output<string> {
    const { projectDir, repository = "automatos" } = build;
    const { dockerfile } = SERVICE_IMAGES[service];
    const args = buildArguments(service, build);
    const image = new docker.Image(
      `${name}-${service}`,
      {
        imageName: `${repository}/${service}:${imageTag(projectDir, service, args)}`,
        skipPush: true,
        buildOnPreview: false,
        build: {
          context: projectDir,
          dockerfile: `${projectDir}/${dockerfile}`,
          args: { ...args, ...build.proxy },
          ...(build.network === undefined ? {} : { network: build.network }),
          ...(build.platform === undefined ? {} : { platform: build.platform }),
          ...(build.builder === undefined ? {} : { builderVersion: build.builder }),
        },
      },
      { parent: this },
    );
    return image.imageName;
  }
}
