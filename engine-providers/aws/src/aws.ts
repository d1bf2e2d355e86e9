/** AWS as it is rehearsed. */
import { Unknown } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { firstText, mapAt, textAt } from "@automatos/provider-rehearsal";
import type {
  ClassFacts,
  CloudDefinition,
  Making,
  Permissions,
  Properties,
  ResourceModel,
} from "@automatos/provider-rehearsal";
import { awsErrors } from "./errors.ts";
import { awsFunctions } from "./functions.ts";
import { computeModels } from "./models/compute.ts";
import { eksModels } from "./models/eks.ts";
import { cacheModels } from "./models/elasticache.ts";
import { iamModels } from "./models/iam.ts";
import { rdsModels } from "./models/rds.ts";
import { routingModels } from "./models/routing.ts";
import { secretModels } from "./models/secrets.ts";
import { storageModels } from "./models/storage.ts";
import { vpcModels } from "./models/vpc.ts";
import { ACCOUNT, arn, partitionOf } from "./names.ts";

const models: ReadonlyMap<string, ResourceModel> = new Map(
  Object.entries({
    ...vpcModels,
    ...routingModels,
    ...computeModels,
    ...eksModels,
    ...iamModels,
    ...rdsModels,
    ...cacheModels,
    ...storageModels,
    ...secretModels,
  }),
);

/** What each action on a modelled resource asks leave for: from it a role with least privileges can be made. */
export function awsPermissions(): ReadonlyMap<string, Permissions> {
  return new Map([...models].map(([type, { permissions }]) => [type, permissions]));
}

const NO_PERMISSIONS: Permissions = { create: [], read: [], update: [], delete: [] };

/** Of a type that is not modelled: its name and region, and what the SDK's documentation says. */
function fallback(facts: ClassFacts): ResourceModel {
  const identity = ["name", "namePrefix", "region"].filter((input) => facts.inputs.has(input));
  return {
    replaces: [...new Set([...identity, ...facts.documentedReplacements])],
    permissions: NO_PERMISSIONS,
    id: (making) => `${making.text("name") || making.name}-rehearsed${making.hex(8, "id")}`,
  };
}

function inventOutput(output: string, type: string, making: Making): PropertyValue | undefined {
  if (/(Time|Date|At|Timestamp)$/.test(output) && type === "string") return making.now;
  if (type === "string") {
    const [, service = "", kind = ""] = /^aws:(\w+)\/(\w+):/.exec(making.type) ?? [];
    if (/arn$/i.test(output)) return arn(making, service, `${kind}/${making.text("name") || making.name}-rehearsed`);
    if (/(Ip|Address)$/.test(output)) return making.ip(output);
    if (/(Endpoint|DnsName|DomainName|Url)$/i.test(output)) return `${making.hex(12, output)}.rehearsal.invalid`;
    if (/(owner|account)Id$/i.test(output)) return ACCOUNT;
    return `rehearsed-${making.hex(8, output)}`;
  }
  const blank: Readonly<Record<string, PropertyValue>> = { number: 0, boolean: false, list: [], map: {}, object: {} };
  return blank[type];
}

/** Tags that the provider gives all of its resources; as JSON where the SDK sends it so. @throws Error when it is none */
function defaultTags(config: PropertyMap): PropertyMap {
  const given = config["defaultTags"];
  return mapAt(typeof given === "string" ? (JSON.parse(given) as PropertyMap) : mapAt(config, "defaultTags"), "tags");
}

function configure(config: PropertyMap, environment: NodeJS.ProcessEnv): ReturnType<CloudDefinition["configure"]> {
  // A region is no credential: the real provider reads it from the environment as well.
  const region = firstText(textAt(config, "region"), environment["AWS_REGION"], environment["AWS_DEFAULT_REGION"]);
  if (region === "")
    throw new Error("no region is set for AWS: pulumi config set aws:region <region>, or give the provider one");
  const tagsOfProvider = defaultTags(config);
  const placeIn = (where: string) => ({ account: ACCOUNT, region: where, partition: partitionOf(where) });
  return {
    place: placeIn(region),
    placeOf(inputs, facts) {
      const own = textAt(inputs, "region") ?? region;
      const outputs: Properties = facts.outputs.has("region") && facts.inputs.has("region") ? { region: own } : {};
      return { place: placeIn(own), outputs };
    },
    labels(inputs, facts): Properties {
      if (!facts.outputs.has("tagsAll") || !facts.inputs.has("tags")) return {};
      if (inputs["tags"] instanceof Unknown) return { tagsAll: Unknown.instance };
      return { tagsAll: { ...tagsOfProvider, ...mapAt(inputs, "tags"), rehearsed: "true" } };
    },
  };
}

export const aws: CloudDefinition = {
  name: "aws",
  title: "AWS",
  sdk: "@pulumi/aws",
  models,
  functions: awsFunctions,
  errors: awsErrors,
  normalise: (handle) => handle,
  isPermission: (text) => text.includes(":"),
  configure,
  fallback,
  inventOutput,
};
