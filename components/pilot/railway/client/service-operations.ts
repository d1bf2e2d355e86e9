import { z } from "zod";
import { InstanceLimits } from "./environment-config.ts";
import { operation } from "./operation.ts";

/** Where a service is: it exists in a project and has an instance in each environment. */
export interface InstanceKey {
  readonly environmentId: string;
  readonly serviceId: string;
}

export const readInstance = operation<InstanceKey>()(
  "none",
  `query AutomatosInstance($environmentId: String!, $serviceId: String!) {
    serviceInstance(environmentId: $environmentId, serviceId: $serviceId) {
      startCommand healthcheckPath healthcheckTimeout restartPolicyType restartPolicyMaxRetries
      region numReplicas drainingSeconds source { image repo }
    }
    serviceInstanceLimitOverride(environmentId: $environmentId, serviceId: $serviceId)
  }`,
  z.object({
    serviceInstance: z.object({
      startCommand: z.string().nullish(),
      healthcheckPath: z.string().nullish(),
      healthcheckTimeout: z.number().nullish(),
      restartPolicyType: z.string(),
      restartPolicyMaxRetries: z.number(),
      region: z.string().nullish(),
      numReplicas: z.number().nullish(),
      drainingSeconds: z.number().nullish(),
      source: z.object({ image: z.string().nullish(), repo: z.string().nullish() }).nullish(),
    }),
    serviceInstanceLimitOverride: InstanceLimits,
  }),
);

/** Without a source: a service with one would be deployed at once, before its variables and its volume are there. */
export const createService = operation<{
  readonly input: { readonly projectId: string; readonly environmentId: string; readonly name: string };
}>()(
  "once",
  `mutation AutomatosServiceCreate($input: ServiceCreateInput!) { serviceCreate(input: $input) { id name } }`,
  z.object({ serviceCreate: z.object({ id: z.string(), name: z.string() }) }),
);

export const renameService = operation<{ readonly id: string; readonly input: { readonly name: string } }>()(
  "repeatable",
  `mutation AutomatosServiceUpdate($id: String!, $input: ServiceUpdateInput!) {
    serviceUpdate(id: $id, input: $input) { id }
  }`,
  z.object({ serviceUpdate: z.object({ id: z.string() }) }),
);

/** `null` takes a setting back to Railway's default. */
export interface InstanceSettings {
  readonly source: { readonly image: string };
  readonly startCommand: string | null;
  readonly healthcheckPath: string | null;
  readonly healthcheckTimeout: number | null;
  readonly restartPolicyType: string;
  readonly restartPolicyMaxRetries: number;
  readonly region: string | null;
  readonly numReplicas: number;
  readonly drainingSeconds: number | null;
  readonly registryCredentials?: { readonly username: string; readonly password: string };
}

export const updateInstance = operation<InstanceKey & { readonly input: InstanceSettings }>()(
  "repeatable",
  `mutation AutomatosInstanceUpdate($environmentId: String!, $serviceId: String!, $input: ServiceInstanceUpdateInput!) {
    serviceInstanceUpdate(environmentId: $environmentId, serviceId: $serviceId, input: $input)
  }`,
  z.object({ serviceInstanceUpdate: z.boolean() }),
  { confidential: true }, // the registry's password
);

export const updateLimits = operation<{
  readonly input: InstanceKey & { readonly vCPUs: number | null; readonly memoryGB: number | null };
}>()(
  "repeatable",
  `mutation AutomatosLimitsUpdate($input: ServiceInstanceLimitsUpdateInput!) {
    serviceInstanceLimitsUpdate(input: $input)
  }`,
  z.object({ serviceInstanceLimitsUpdate: z.boolean() }),
);

export const deleteService = operation<{ readonly id: string }>()(
  "repeatable",
  `mutation AutomatosServiceDelete($id: String!) { serviceDelete(id: $id) }`,
  z.object({ serviceDelete: z.boolean() }),
);

interface OfService extends InstanceKey {
  readonly projectId: string;
}

/** As they were written: references are not replaced by what they refer to. */
export const readVariables = operation<OfService>()(
  "none",
  `query AutomatosVariables($projectId: String!, $environmentId: String!, $serviceId: String!) {
    variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId, unrendered: true)
  }`,
  z.object({ variables: z.record(z.string(), z.string()) }),
);

/** Replaces all variables of a service, and deploys nothing. */
export const writeVariables = operation<{
  readonly input: OfService & {
    readonly variables: Readonly<Record<string, string>>;
    readonly replace: true;
    readonly skipDeploys: true;
  };
}>()(
  "repeatable",
  `mutation AutomatosVariablesUpsert($input: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $input) }`,
  z.object({ variableCollectionUpsert: z.boolean() }),
  { confidential: true },
);

const ServiceDomain = z.object({ id: z.string(), domain: z.string(), targetPort: z.number().nullish() });
export type ServiceDomain = z.infer<typeof ServiceDomain>;

export const listDomains = operation<OfService>()(
  "none",
  `query AutomatosDomains($projectId: String!, $environmentId: String!, $serviceId: String!) {
    domains(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId) {
      serviceDomains { id domain targetPort }
    }
  }`,
  z.object({ domains: z.object({ serviceDomains: z.array(ServiceDomain) }) }),
);

export const createDomain = operation<{ readonly input: InstanceKey & { readonly targetPort: number } }>()(
  "once",
  `mutation AutomatosDomainCreate($input: ServiceDomainCreateInput!) {
    serviceDomainCreate(input: $input) { id domain targetPort }
  }`,
  z.object({ serviceDomainCreate: ServiceDomain }),
);

export const updateDomain = operation<{
  readonly input: InstanceKey & {
    readonly serviceDomainId: string;
    readonly domain: string;
    readonly targetPort: number;
  };
}>()(
  "repeatable",
  `mutation AutomatosDomainUpdate($input: ServiceDomainUpdateInput!) { serviceDomainUpdate(input: $input) }`,
  z.object({ serviceDomainUpdate: z.boolean() }),
);

export const deleteDomain = operation<{ readonly id: string }>()(
  "repeatable",
  `mutation AutomatosDomainDelete($id: String!) { serviceDomainDelete(id: $id) }`,
  z.object({ serviceDomainDelete: z.boolean() }),
);
