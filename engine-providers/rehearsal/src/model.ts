/** How a cloud and its resources are described to the rehearsal. */
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import type { CloudView } from "./cloud-store.ts";
import type { CloudErrors } from "./errors.ts";
import type { KubeconfigCluster } from "./kubeconfig.ts";
import type { ClassFacts } from "./sdk-class.ts";
import type { Action } from "./settings.ts";
import type { Properties } from "./values.ts";

/** Where a provider puts what is not told where to be, in the cloud's words: project, region, zone, account. */
export type Place = Readonly<Record<string, string>>;

/** A resource while its outputs are made. All that is random is derived from its seed, so it stays the same for its life. */
export interface Making {
  readonly type: string;
  /** The resource's name in the program. */
  readonly name: string;
  /** As checked, secrets opened. */
  readonly inputs: PropertyMap;
  /** What was made so far: defaults, inputs and `created`. */
  readonly known: PropertyMap;
  /** Where this resource is. */
  readonly place: Place;
  /** ISO 8601. */
  readonly now: string;
  /** The real cluster behind this one, where the settings name it. */
  readonly cluster: KubeconfigCluster | undefined;
  /** All that is there beside it. */
  readonly cloud: CloudView;
  /** The first text at the path in inputs or defaults; empty when there is none. */
  text(path: string): string;
  readonly texts: (path: string) => string[];
  isTrue(path: string): boolean;
  number(path: string, otherwise: number): number;
  /** Random lower-case hexadecimal digits, other ones for each purpose. */
  hex(length: number, purpose?: string): string;
  /** A random whole number from 0 to below `limit`. */
  below(limit: number, purpose?: string): number;
  /** An IPv4 address that documentation may use (RFC 5737): 192.0.2.x, 198.51.100.x or 203.0.113.x. */
  ip(purpose?: string): string;
  /** A text, number or truth value among the outputs of what the input at `path` refers to; empty when there is none. */
  of(path: string, output: string): string;
}

/** An input that names another resource. */
export interface Reference {
  /** Path of the input: dotted, without list indices. */
  readonly at: string;
  /** Types of which one must have it. */
  readonly to: string | readonly string[];
  /** Whether what is named cannot be removed while this resource is there. @default true */
  readonly holds?: boolean;
  /** Values that are in every account of the cloud, e.g. its own policies and default networks. */
  readonly isBuiltIn?: (value: string) => boolean;
  /** Turns the value into a text that the other is known by, e.g. the name out of `serviceAccount:<name>`; undefined: no reference. */
  readonly read?: (value: string, making: Making) => string | undefined;
}

export interface AutoName {
  /** The input that gets the resource's name and 7 random hexadecimal digits when the program gives none. */
  readonly property: string;
  readonly maxLength: number;
  /** @default "-" */
  readonly separator?: string;
  /** How many random digits; with 0 the name is the resource's own. @default 7 */
  readonly digits?: number;
  readonly lowerCase?: boolean;
}

/** What each action asks leave for, in the cloud's words, e.g. `container.clusters.create` or `eks:CreateCluster`. */
export type Permissions = Readonly<Record<Action, readonly string[]>>;

/** What is about to be removed. */
export interface Removal {
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
  readonly cloud: CloudView;
}

export interface ResourceModel {
  /** Inputs (top-level names or dotted paths) of which another value needs another resource. */
  readonly replaces: readonly string[];
  /** Without it: the cloud's rule for inputs called `name`. `none`: the resource is not named by the provider. */
  readonly autoName?: AutoName | "none";
  readonly references?: readonly Reference[];
  readonly permissions: Permissions;
  /** Values that the cloud gives inputs which are not set; known at preview. A function may ask the inputs. */
  readonly defaults?: Properties | ((inputs: PropertyMap) => Properties);
  readonly id: (making: Making) => string;
  /** Names that no other may have, each with its scope, e.g. `bucket/<name>`. The id is such a name always. */
  readonly unique?: (making: Making) => readonly string[];
  /** Further texts by which others refer to it, beside id, name, arn and selfLink. */
  readonly handles?: (making: Making) => readonly string[];
  /** Outputs made once, at the creation: keys, certificates, times. */
  readonly created?: (making: Making) => Properties;
  /** Outputs that follow from the inputs, at creation and after each update. */
  readonly outputs?: (making: Making) => Properties;
  /** Outputs that are secret although the SDK does not say so. */
  readonly secrets?: readonly string[];
  /** Whether the inputs alone are wrong: property and reason. Paths with unknown values are to be left alone. */
  readonly validate?: (inputs: PropertyMap) => readonly { readonly property: string; readonly reason: string }[];
  /** A reason why the cloud would not make or change it, beside references, names and quota. */
  readonly refuse?: (making: Making) => string | undefined;
  /** Whether the cloud keeps it when the program lets it go. */
  readonly stays?: (outputs: PropertyMap) => boolean;
  /** A reason why it cannot be removed, beside what refers to it. */
  readonly refuseRemoval?: (removal: Removal) => string | undefined;
  /** Types of which the instances in it are removed with it when `inputs` allow: what is in a bucket. */
  readonly contents?: { readonly types: readonly string[]; readonly removedWhen: (outputs: PropertyMap) => boolean };
  /** New objects are found late: identities, roles and policies. */
  readonly settlesLate?: boolean;
  /** How many of them one place may have, unless the settings say otherwise. */
  readonly quota?: { readonly limit: number; readonly name: string };
  /** This resource may be a real cluster behind the scenes. */
  readonly isCluster?: boolean;
}

/** A function of the SDK, as far as it is rehearsed. */
export type CloudFunction = (call: FunctionCall) => Properties;

export interface FunctionCall {
  /** Secrets opened. */
  readonly args: PropertyMap;
  readonly place: Place;
  readonly cloud: CloudView;
  readonly errors: CloudErrors;
  /** Outputs of the resource of one of these types that the text stands for. @throws when there is none */
  readonly find: (types: string | readonly string[], text: string) => PropertyMap & { readonly id: string };
  /** The real cluster of this name, if the settings name one. */
  readonly cluster: (name: string) => KubeconfigCluster | undefined;
  /** The only real cluster of the settings, for functions that are not asked for one by name. */
  readonly anyCluster: KubeconfigCluster | undefined;
}

export interface CloudDefinition {
  /** The package's name in type tokens: gcp, aws. */
  readonly name: string;
  /** As people call it. */
  readonly title: string;
  readonly sdk: string;
  readonly models: ReadonlyMap<string, ResourceModel>;
  readonly functions: ReadonlyMap<string, CloudFunction>;
  readonly errors: CloudErrors;
  /** By which texts of others one is recognised: the same one for all spellings. */
  readonly normalise: (handle: string) => string;
  /** Whether the text is written as this cloud's permissions are. */
  readonly isPermission: (text: string) => boolean;
  /** @throws what the user is told when the provider cannot work with this configuration */
  readonly configure: (config: PropertyMap, environment: NodeJS.ProcessEnv) => ConfiguredCloud;
  /** How a type that is not modelled is treated. */
  readonly fallback: (facts: ClassFacts) => ResourceModel;
  /** The value of a computed output that no model gives. */
  readonly inventOutput: (output: string, type: string, making: Making) => PropertyValue | undefined;
}

export interface ConfiguredCloud {
  readonly place: Place;
  /** Where a resource with these inputs is, and the inputs that say so; known at preview. */
  placeOf(inputs: PropertyMap, facts: ClassFacts): { readonly place: Place; readonly outputs: Properties };
  /** Outputs of labels or tags that the provider and the cloud add to; known at preview. */
  labels(inputs: PropertyMap, facts: ClassFacts, type: string): Properties;
}
