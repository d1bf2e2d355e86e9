import type { z } from "zod";
import type { InstanceSettings, readInstance } from "../client/service-operations.ts";

/** How a service runs, as it is given. Absent: not set here, and left as Railway has it. */
export interface ServiceSettings {
  readonly image: string;
  readonly startCommand?: string;
  readonly healthcheckPath?: string;
  readonly healthcheckTimeoutSeconds?: number;
  readonly restartPolicy: { readonly type: "ALWAYS" | "NEVER" | "ON_FAILURE"; readonly maxRetries: number };
  readonly region?: string;
  readonly replicas: number;
  readonly drainingSeconds?: number;
  readonly limits?: { readonly cpu?: number; readonly memoryGb?: number };
}

const BYTES_PER_GB = 1_000_000_000;

/** In the form in which they are compared and kept. */
export function settingsOf(settings: ServiceSettings) {
  const { limits } = settings;
  return {
    image: settings.image,
    startCommand: settings.startCommand ?? null,
    healthcheckPath: settings.healthcheckPath ?? null,
    healthcheckTimeoutSeconds: settings.healthcheckTimeoutSeconds ?? null,
    restartPolicyType: settings.restartPolicy.type as string,
    restartPolicyMaxRetries: settings.restartPolicy.maxRetries,
    region: settings.region ?? null,
    replicas: settings.replicas,
    drainingSeconds: settings.drainingSeconds ?? null,
    limits: limits === undefined ? null : { cpu: limits.cpu ?? null, memoryGb: limits.memoryGb ?? null },
  };
}

/** As the API takes them; what is not set here goes back to Railway's default. */
export function instanceSettings(
  settings: ServiceSettings,
  registryCredentials?: { readonly username: string; readonly password: string },
): InstanceSettings {
  const { restartPolicy, replicas, image, ...rest } = settings;
  return {
    source: { image },
    startCommand: rest.startCommand ?? null,
    healthcheckPath: rest.healthcheckPath ?? null,
    healthcheckTimeout: rest.healthcheckTimeoutSeconds ?? null,
    restartPolicyType: restartPolicy.type,
    restartPolicyMaxRetries: restartPolicy.maxRetries,
    region: rest.region ?? null,
    numReplicas: replicas,
    drainingSeconds: rest.drainingSeconds ?? null,
    ...(registryCredentials === undefined ? {} : { registryCredentials }),
  };
}

type Answer = z.infer<(typeof readInstance)["answer"]>;

/** What a refresh found. A setting that is not set here stays so, whatever default Railway tells for it. */
export function foundSettings(answer: Answer, known: ReturnType<typeof settingsOf>): ReturnType<typeof settingsOf> {
  const found = answer.serviceInstance;
  const limits = answer.serviceInstanceLimitOverride;
  const ours = <Value>(before: Value | null, now: Value | null | undefined): Value | null =>
    before === null ? null : (now ?? null);
  return {
    image: found.source?.image ?? "",
    startCommand: ours(known.startCommand, found.startCommand),
    healthcheckPath: ours(known.healthcheckPath, found.healthcheckPath),
    healthcheckTimeoutSeconds: ours(known.healthcheckTimeoutSeconds, found.healthcheckTimeout),
    restartPolicyType: found.restartPolicyType,
    restartPolicyMaxRetries: found.restartPolicyMaxRetries,
    region: ours(known.region, found.region),
    replicas: found.numReplicas ?? 1,
    drainingSeconds: ours(known.drainingSeconds, found.drainingSeconds),
    limits:
      known.limits === null
        ? null
        : {
            cpu: ours(known.limits.cpu, limits.cpu),
            memoryGb: ours(
              known.limits.memoryGb,
              limits.memoryBytes === undefined ? undefined : limits.memoryBytes / BYTES_PER_GB,
            ),
          },
  };
}
