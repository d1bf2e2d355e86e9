/** What a policy pack says of itself and of its policies. */
import analyzerPb from "@pulumi/pulumi/proto/analyzer_pb.js";
import type {
  AnalyzerInfo,
  EnforcementLevel as Level,
  PolicyInfo as PolicyInfoMessage,
} from "@pulumi/pulumi/proto/analyzer_pb.js";
import type { JsonMap } from "./config-schema.ts";

export const ENFORCEMENT_LEVELS = ["advisory", "mandatory", "disabled", "remediate"] as const;
export type EnforcementLevel = (typeof ENFORCEMENT_LEVELS)[number];

/** "" where the pack does not say. */
export type PolicySeverity = "" | "low" | "medium" | "high" | "critical";

/** What a policy may be told, by its name: the level, and properties that its schema describes. */
export type PolicyConfig = ReadonlyMap<string, PolicySettings>;

export interface PolicySettings {
  readonly enforcementLevel?: EnforcementLevel | undefined;
  readonly properties?: JsonMap | undefined;
}

export interface PolicyInfo {
  readonly name: string;
  /** Packs made with an old SDK do not say. */
  readonly type: "resource" | "stack" | "unknown";
  readonly enforcementLevel: EnforcementLevel;
  readonly severity: PolicySeverity;
  readonly remediationSteps: string;
  /** JSON schemas of its properties; undefined when it takes none. */
  readonly configSchema: { readonly properties: JsonMap; readonly required: readonly string[] } | undefined;
}

export interface PackInfo {
  readonly name: string;
  readonly version: string;
  readonly supportsConfig: boolean;
  /** By name. */
  readonly policies: readonly PolicyInfo[];
  readonly initialConfig: PolicyConfig;
}

/** @param version Of PulumiPolicy.yaml: it goes before the pack's own. "" for none. */
export function packInfo(message: AnalyzerInfo, version: string): PackInfo {
  const initialConfig = new Map<string, PolicySettings>();
  message.getInitialconfigMap().forEach((config, name) => {
    initialConfig.set(name, {
      enforcementLevel: levelOf(config.getEnforcementlevel()),
      properties: config.getProperties()?.toJavaScript() ?? {},
    });
  });
  const policies = message.getPoliciesList().map(policyInfo);
  return {
    name: message.getName(),
    version: version === "" ? message.getVersion() : version,
    supportsConfig: message.getSupportsconfig(),
    policies: policies.sort((a, b) => (a.name < b.name ? -1 : 1)),
    initialConfig,
  };
}

function policyInfo(message: PolicyInfoMessage): PolicyInfo {
  const schema = message.getConfigschema();
  const types = ["unknown", "resource", "stack"] as const;
  return {
    name: message.getName(),
    type: types[message.getPolicyType()],
    enforcementLevel: levelOf(message.getEnforcementlevel()),
    severity: severityOf(message.getSeverity()),
    remediationSteps: message.getRemediationSteps(),
    configSchema: schema && {
      properties: schema.getProperties()?.toJavaScript() ?? {},
      required: schema.getRequiredList(),
    },
  };
}

const LEVELS: Readonly<Record<EnforcementLevel, Level>> = {
  advisory: analyzerPb.EnforcementLevel.ADVISORY,
  mandatory: analyzerPb.EnforcementLevel.MANDATORY,
  disabled: analyzerPb.EnforcementLevel.DISABLED,
  remediate: analyzerPb.EnforcementLevel.REMEDIATE,
};

export function levelToWire(level: EnforcementLevel): Level {
  return LEVELS[level];
}

/** @throws Error for a level that the protocol does not have. */
export function levelOf(value: Level): EnforcementLevel {
  const level = ENFORCEMENT_LEVELS.find((known) => LEVELS[known] === value);
  if (level === undefined) throw new Error(`invalid enforcement level ${value}`);
  return level;
}

export function severityOf(value: number): PolicySeverity {
  const severities: readonly PolicySeverity[] = ["", "low", "medium", "high", "critical"];
  return severities[value] ?? "";
}
