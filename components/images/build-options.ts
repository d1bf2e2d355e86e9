import { SERVICE_IMAGES, type BuildArgument, type ServiceName } from "./definitions.ts";

/** How images are built. */
export interface BuildOptions {
  /** Values for the Dockerfiles' arguments; each image gets those that it knows. @default the Dockerfiles' own */
  readonly arguments?: Readonly<Partial<Record<BuildArgument, string>>>;
  /**
   * Proxies for the build, as Docker's predefined arguments (HTTP_PROXY, HTTPS_PROXY, NO_PROXY and their lower-case
   * forms), which no image and no history keeps.
   * @default none
   */
  readonly proxy?: Readonly<Record<string, string>>;
  /** The network of the build's steps, e.g. `host`. @default the daemon's own default */
  readonly network?: string;
  /** E.g. `linux/amd64`. @default the daemon's own */
  readonly platform?: string;
  /** Which of a daemon's builders to use. @default BuildKit where there is one */
  readonly builder?: "BuilderV1" | "BuilderBuildKit";
}

/** The arguments for one image, its name's own order. */
export function buildArguments(service: ServiceName, options: BuildOptions): Record<string, string> {
  const given: Readonly<Partial<Record<BuildArgument, string>>> = options.arguments ?? {};
  return Object.fromEntries(
    SERVICE_IMAGES[service].buildArguments.flatMap((argument) => {
      const value = given[argument];
      return value === undefined ? [] : [[argument, value] as const];
    }),
  );
}
