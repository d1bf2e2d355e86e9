import { z } from "zod";
import { BackupConfig } from "./backup.ts";
import { imageRef, isPinned } from "./image-ref.ts";
import { RailwayConfig } from "./railway-config.ts";
import { containerSettings, port, serviceSettings } from "./stack-settings.ts";

const SERVICE_IMAGE_NAMES = ["api", "gateway", "worker", "migrate"] as const;

const BuildArgument = z.enum([
  "NODE_VERSION",
  "APT_SNAPSHOT",
  "PIP_INDEX_URL",
  "NPM_REGISTRY",
  "PYTHON_VERSION",
  "SYSTEM_TOOLS",
  "PYTHON_TOOLS",
  "NODE_TOOLS",
]);

/** What a container may use at most. */
const limits = (of: { readonly cpus: number; readonly memoryMb: number }) =>
  z
    .strictObject({
      cpus: z.number().min(0.1).max(256).default(of.cpus).describe("Processors."),
      memoryMb: z
        .int()
        .min(64)
        .max(4_194_304)
        .default(of.memoryMb)
        .describe("Memory in MB; there is no swap beside it."),
    })
    .prefault({});

const images = z
  .strictObject({
    services: z
      .strictObject({ api: imageRef, gateway: imageRef, worker: imageRef, migrate: imageRef })
      .optional()
      .describe("Images of the services that are there already. Without it they are built from this folder."),
    base: imageRef.default("ubuntu:24.04").describe("What the services' images are built on."),
    buildArgs: z
      .partialRecord(BuildArgument, z.string())
      .default({})
      .describe(
        "Arguments of the builds: versions, package indexes; components/images/README.md says what each is for.",
      ),
    buildNetwork: z.enum(["default", "host"]).default("default").describe("The network of the builds' commands."),
    buildProxy: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("HTTP proxy of the builds' commands."),
    postgres: imageRef.default("postgres:18"),
    redis: imageRef.default("redis:8"),
    requireDigests: z
      .boolean()
      .default(true)
      .describe(
        "Refuses every image that is named without a digest, as its content may change from one `up` to the next.",
      ),
  })
  .prefault({})
  .superRefine((given, context) => {
    if (!given.requireDigests) return;
    const refs = new Map<string, string>([
      ["postgres", given.postgres],
      ["redis", given.redis],
    ]);
    if (given.services === undefined) refs.set("base", given.base);
    else for (const name of SERVICE_IMAGE_NAMES) refs.set(`services.${name}`, given.services[name]);
    for (const [path, ref] of refs) {
      if (isPinned(ref)) continue;
      context.addIssue({
        code: "custom",
        path: path.split("."),
        message: `${ref} has no digest: write ${ref}@sha256:... as \`docker buildx imagetools inspect ${ref}\` says it, or set requireDigests: false to try things out`,
      });
    }
  });

/** One Docker host: everything in containers. */
export const ComposeConfig = z.strictObject({
  phase: z.literal("pilot"),
  target: z.literal("compose"),
  docker: z
    .strictObject({
      host: z
        .string()
        .regex(/^(unix|tcp|ssh|npipe):\/\/.+/)
        .optional()
        .describe("The Docker daemon, e.g. `unix:///var/run/docker.sock` or `ssh://user@host`. Default: DOCKER_HOST."),
    })
    .prefault({}),
  publish: z
    .strictObject({
      address: z
        .union([z.ipv4(), z.ipv6()])
        .default("127.0.0.1")
        .describe(
          "Address of the host on which the API is published. Nothing here speaks TLS: put a proxy before another.",
        ),
      api: port.default(8080).describe("Port of the API. Nothing else is published."),
    })
    .prefault({}),
  workers: serviceSettings.workers,
  workerConcurrency: serviceSettings.workerConcurrency,
  leaseSeconds: serviceSettings.leaseSeconds,
  limits: z
    .strictObject({
      worker: limits({ cpus: 2, memoryMb: 2_048 }).describe("Of each worker, the sandboxes of its tasks included."),
      api: limits({ cpus: 1, memoryMb: 1_024 }),
      gateway: limits({ cpus: 1, memoryMb: 512 }),
      postgres: limits({ cpus: 2, memoryMb: 1_024 }),
      redis: limits({ cpus: 1, memoryMb: 512 }),
    })
    .prefault({}),
  images,
  protectData: z
    .boolean()
    .default(true)
    .describe(
      "The volumes, and the secrets that open what lies in them, are not removed: `destroy` refuses, and " +
        "`destroy --exclude-protected` leaves them for the next `up`.",
    ),
  packageIndexes: containerSettings.packageIndexes,
  egressRules: containerSettings.egressRules,
  workerApparmor: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .default("unconfined")
    .describe(
      "AppArmor profile of the workers' containers. Docker's own refuses the mounts of sandboxes; a host that restricts " +
        "user namespaces by AppArmor (Ubuntu from 23.10 on) needs one with the rule `userns,`.",
    ),
  restart: z
    .enum(["no", "always", "unless-stopped"])
    .default("unless-stopped")
    .describe("What the daemon does with a container that ended, and with all of them when it starts itself."),
  logs: z
    .strictObject({
      maxSizeMb: z.int().min(1).max(10_000).default(50).describe("Of one file."),
      maxFiles: z.int().min(1).max(100).default(5).describe("Files of one container; the oldest is removed."),
    })
    .prefault({}),
  credentialKeys: serviceSettings.credentialKeys,
  workspaceQuota: serviceSettings.workspaceQuota,
  llm: serviceSettings.llm,
  tools: serviceSettings.tools,
  backup: BackupConfig.optional().describe("Where backups of workspaces go. Without it there are none."),
  plans: serviceSettings.plans,
  logLevel: serviceSettings.logLevel,
});
export type ComposeConfig = z.infer<typeof ComposeConfig>;

/** Fifteen users: one Docker host, or a project on Railway. */
export const PilotConfig = z.discriminatedUnion("target", [ComposeConfig, RailwayConfig]);
export type PilotConfig = z.infer<typeof PilotConfig>;
