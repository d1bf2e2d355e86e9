import type { dynamic } from "@pulumi/pulumi";
import { deploymentProvider } from "./deployment-provider.ts";
import { domainProvider } from "./domain-provider.ts";
import { projectProvider } from "./project-provider.ts";
import { serviceProvider } from "./service-provider.ts";
import { openRailway, type RailwayConfiguration } from "./session.ts";
import { variablesProvider } from "./variables-provider.ts";
import { volumeProvider } from "./volume-provider.ts";
import type { RailwayClient } from "../client/railway-client.ts";

const PROVIDERS = {
  project: projectProvider,
  service: serviceProvider,
  volume: volumeProvider,
  variables: variablesProvider,
  domain: domainProvider,
  deployment: deploymentProvider,
} as const;

export type ResourceKind = keyof typeof PROVIDERS;

/** One for the process, which is a deployment's own: its pace is the workspace's. */
let client: RailwayClient | undefined;
let configured: RailwayConfiguration | undefined;

export function configureRailway(configuration: RailwayConfiguration): void {
  configured = configuration;
  client = undefined;
}

/** The provider of a kind of resource. Opens the client when the first call is made: a check needs no token. */
export function railwayProvider(kind: ResourceKind): Required<Omit<dynamic.ResourceProvider, "configure">> {
  const open = () => {
    client ??= openRailway(
      configured ?? { railwayToken: undefined, railwayUrl: undefined, railwayRequestsPerSecond: undefined },
      process.env,
    );
    return client;
  };
  return PROVIDERS[kind](open);
}
