import type { ConfigureResponse, ProviderHandshakeResponse } from "@pulumi/pulumi/proto/provider_pb.js";

/** What a plugin can take. It says so when it shakes hands, or else when it is configured. */
export interface Abilities {
  acceptSecrets: boolean;
  acceptResources: boolean;
  acceptOutputs: boolean;
  supportsPreview: boolean;
}

export const NO_ABILITIES: Abilities = {
  acceptSecrets: false,
  acceptResources: false,
  acceptOutputs: false,
  supportsPreview: false,
};

export function abilitiesByHandshake(response: ProviderHandshakeResponse): Abilities {
  return {
    acceptSecrets: response.getAcceptSecrets(),
    acceptResources: response.getAcceptResources(),
    acceptOutputs: response.getAcceptOutputs(),
    supportsPreview: true,
  };
}

export function abilitiesByConfiguration(response: ConfigureResponse): Abilities {
  return {
    acceptSecrets: response.getAcceptsecrets(),
    acceptResources: response.getAcceptresources(),
    acceptOutputs: response.getAcceptoutputs(),
    supportsPreview: response.getSupportspreview(),
  };
}
