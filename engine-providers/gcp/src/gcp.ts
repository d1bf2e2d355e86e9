/** Google Cloud as it is rehearsed. */
import { Unknown } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { firstText, mapAt, textAt } from "@automatos/provider-rehearsal";
import type { CloudDefinition, Making, Permissions, Place, ResourceModel } from "@automatos/provider-rehearsal";
import type { ClassFacts, Properties } from "@automatos/provider-rehearsal";
import { deletionPolicy } from "./declare.ts";
import { gcpErrors } from "./errors.ts";
import { gcpFunctions } from "./functions.ts";
import { addressModels } from "./models/addresses.ts";
import { bindingModels, isBinding, unmodelledBinding } from "./models/bindings.ts";
import { containerModels } from "./models/container.ts";
import { databaseModels } from "./models/databases.ts";
import { deliveryModels } from "./models/delivery.ts";
import { fleetModels } from "./models/fleet.ts";
import { identityModels } from "./models/identity.ts";
import { networkModels } from "./models/network.ts";
import { secretModels } from "./models/secrets.ts";
import { storageModels } from "./models/storage.ts";
import { lastPart, markedProject, normalise } from "./names.ts";

const models: ReadonlyMap<string, ResourceModel> = new Map(
  Object.entries({
    ...networkModels,
    ...addressModels,
    ...containerModels,
    ...databaseModels,
    ...storageModels,
    ...secretModels,
    ...identityModels,
    ...bindingModels,
    ...deliveryModels,
    ...fleetModels,
  }),
);

/** What each action on a modelled resource asks leave for: from it a role with least privileges can be made. */
export function gcpPermissions(): ReadonlyMap<string, Permissions> {
  return new Map([...models].map(([type, { permissions }]) => [type, permissions]));
}

const NO_PERMISSIONS: Permissions = { create: [], read: [], update: [], delete: [] };

/** Of a type that is not modelled: what is in its name or its place, and what the SDK's documentation says. */
function fallback(facts: ClassFacts): ResourceModel {
  if (isBinding(facts)) return unmodelledBinding(facts);
  const identity = ["name", "project", "location", "region", "zone"].filter((input) => facts.inputs.has(input));
  const collection = lastPart(facts.token.split(":")[1] ?? "");
  return {
    ...deletionPolicy,
    replaces: [...new Set([...identity, ...facts.documentedReplacements])],
    permissions: NO_PERMISSIONS,
    id: (making) => {
      const { project = "", region = "" } = making.place;
      const where = making.text("location") || making.text("zone") || (facts.inputs.has("region") ? region : "global");
      const name = making.text("name") || `${making.name}-${making.hex(7)}`;
      return `projects/${project}/locations/${where}/${collection}s/${lastPart(name)}`;
    },
  };
}

function inventOutput(output: string, type: string, making: Making): PropertyValue | undefined {
  if (/(Time|Timestamp)$/.test(output)) return making.now;
  if (type === "string") {
    if (/link$/i.test(output)) return `https://www.googleapis.rehearsal.invalid/${output}/${making.hex(8, output)}`;
    if (/(ip|address)$/i.test(output)) return making.ip(output);
    return `rehearsed-${making.hex(8, output)}`;
  }
  const blank: Readonly<Record<string, PropertyValue>> = { number: 0, boolean: false, list: [], map: {}, object: {} };
  return blank[type];
}

/** @throws Error when the values that came as JSON are none */
function defaultLabels(config: PropertyMap): PropertyMap {
  const given = config["defaultLabels"];
  if (typeof given !== "string") return mapAt(config, "defaultLabels");
  return JSON.parse(given) as PropertyMap;
}

/** The variables by which the real provider finds a project, region or zone; none of them is a credential. */
const PROJECT_VARIABLES = ["GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"];
const REGION_VARIABLES = ["GOOGLE_REGION", "GCLOUD_REGION", "CLOUDSDK_COMPUTE_REGION"];
const ZONE_VARIABLES = ["GOOGLE_ZONE", "GCLOUD_ZONE", "CLOUDSDK_COMPUTE_ZONE"];

function configure(config: PropertyMap, environment: NodeJS.ProcessEnv): ReturnType<CloudDefinition["configure"]> {
  const find = (key: string, variables: readonly string[], otherwise = "") =>
    firstText(textAt(config, key), ...variables.map((variable) => environment[variable]), otherwise);
  const project = find("project", PROJECT_VARIABLES);
  if (project === "")
    throw new Error(
      "no project is set for Google Cloud: pulumi config set gcp:project <project>, or give the provider one",
    );
  const zone = find("zone", ZONE_VARIABLES);
  const region = find("region", REGION_VARIABLES, zone.replace(/-[a-z]$/, ""));
  const place: Place = { project: markedProject(project), region, zone };
  const labelsOfProvider = defaultLabels(config);
  return {
    place,
    placeOf(inputs, facts) {
      const own = {
        project: markedProject(textAt(inputs, "project") ?? project),
        region: lastPart(textAt(inputs, "region") ?? region),
        zone: lastPart(textAt(inputs, "zone") ?? zone),
      };
      const outputs: Record<string, PropertyValue> = facts.inputs.has("deletionPolicy")
        ? { deletionPolicy: "DELETE" }
        : {};
      for (const key of ["project", "region", "zone"] as const)
        if (facts.outputs.has(key) && own[key] !== "") outputs[key] = own[key];
      return { place: own, outputs };
    },
    labels: (inputs, facts) => labels(inputs, facts, labelsOfProvider),
  };
}

function labels(inputs: PropertyMap, facts: ClassFacts, ofProvider: PropertyMap): Properties {
  if (!facts.outputs.has("effectiveLabels")) return {};
  const input = facts.inputs.has("labels") ? "labels" : "resourceLabels";
  if (inputs[input] instanceof Unknown) return { pulumiLabels: Unknown.instance, effectiveLabels: Unknown.instance };
  const pulumiLabels = { ...ofProvider, ...mapAt(inputs, input) };
  return { pulumiLabels, effectiveLabels: { "goog-pulumi-provisioned": "true", ...pulumiLabels, rehearsed: "true" } };
}

export const gcp: CloudDefinition = {
  name: "gcp",
  title: "Google Cloud",
  sdk: "@pulumi/gcp",
  models,
  functions: gcpFunctions,
  errors: gcpErrors,
  normalise,
  isPermission: (text) => !text.includes(":"),
  configure,
  fallback,
  inventOutput,
};
