/** What images there are; `components/images/README.md` says what their arguments mean. */
export const SERVICE_NAMES = ["api", "gateway", "worker", "migrate"] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** Arguments of a Dockerfile, all of which have pinned defaults there. */
export type BuildArgument =
  | "BASE_IMAGE"
  | "NODE_VERSION"
  | "BOOTSTRAP_VERSION"
  | "APT_SNAPSHOT"
  | "PIP_INDEX_URL"
  | "NPM_REGISTRY"
  | "PYTHON_VERSION"
  | "SYSTEM_TOOLS"
  | "PYTHON_TOOLS"
  | "NODE_TOOLS";

export interface ServiceImage {
  /** Below the repository's root, which is the context of the build. */
  readonly dockerfile: string;
  /** The service's program, below the root. */
  readonly program: string;
  /** Arguments that its Dockerfile knows. */
  readonly buildArguments: readonly BuildArgument[];
  /** TCP ports that it listens on unless its environment says otherwise. */
  readonly ports: readonly number[];
}

const COMMON: readonly BuildArgument[] = [
  "BASE_IMAGE",
  "NODE_VERSION",
  "BOOTSTRAP_VERSION",
  "APT_SNAPSHOT",
  "PIP_INDEX_URL",
  "NPM_REGISTRY",
];
const TOOLCHAIN: readonly BuildArgument[] = ["PYTHON_VERSION", "SYSTEM_TOOLS", "PYTHON_TOOLS", "NODE_TOOLS"];

const image = (name: ServiceName, ports: readonly number[], more: readonly BuildArgument[] = []): ServiceImage => ({
  dockerfile: `services/${name}/Dockerfile`,
  program: `services/${name}/main.ts`,
  buildArguments: [...COMMON, ...more],
  ports,
});

export const SERVICE_IMAGES: Readonly<Record<ServiceName, ServiceImage>> = {
  api: image("api", [8080]),
  gateway: image("gateway", [8082, 3128]),
  worker: image("worker", [8081, 8083], TOOLCHAIN),
  migrate: image("migrate", []),
};
