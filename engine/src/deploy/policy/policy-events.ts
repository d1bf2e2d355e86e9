/** What policies did, as events in Pulumi's form (apitype.PolicyEvent and its like). */
import type { PropertyMap } from "../../model.ts";
import type { EventSink } from "../events.ts";
import { blindMap } from "../events.ts";
import { masked } from "../mask.ts";
import type { PackInfo, PolicyInfo } from "./analyzer-info.ts";
import type { Analysis, Remediation, Violation } from "./findings.ts";

export class PolicyEvents {
  readonly #sink: EventSink;
  readonly #secrets: readonly string[];

  /** @param secrets The stack's: no message may show them. */
  constructor(sink: EventSink, secrets: readonly string[]) {
    this.#sink = sink;
    this.#secrets = secrets;
  }

  /** A pack is about to be started. */
  load(): void {
    this.#sink.policy("policyLoadEvent", {});
  }

  /** @param secrets The resource's: a policy sees them in the clear, and may say too much. */
  violation(urn: string, violation: Violation, secrets: readonly string[]): void {
    this.#sink.policy("policyEvent", {
      ...resource(urn),
      message: `${masked(violation.message, [...this.#secrets, ...secrets])}\n`,
      color: "never",
      policyName: violation.policy,
      ...pack(violation.packName, violation.packVersion),
      enforcementLevel: violation.enforcementLevel,
      ...(violation.severity === "" ? {} : { severity: violation.severity }),
      // Pulumi's own events leave them to its cloud.
      ...(violation.remediationSteps === "" ? {} : { remediationSteps: violation.remediationSteps }),
    });
  }

  remediation(urn: string, info: PackInfo, { policy, properties }: Remediation, before: PropertyMap): void {
    this.#sink.policy("policyRemediationEvent", {
      ...resource(urn),
      color: "never",
      policyName: policy,
      ...pack(info.name, info.version),
      before: blindMap(before),
      after: blindMap(properties),
    });
  }

  /** @param analysis Undefined where no policy of the pack was asked. */
  summary(
    kind: "policyAnalyzeSummaryEvent" | "policyRemediateSummaryEvent" | "policyAnalyzeStackSummaryEvent",
    urn: string,
    info: PackInfo,
    analysis: Analysis<{ readonly policy: string }>,
  ): void {
    const failed = [...new Set(analysis.findings.map(({ policy }) => policy))].sort();
    const unconcerned = new Set([...failed, ...analysis.notApplicable]);
    const type = kind === "policyAnalyzeStackSummaryEvent" ? "stack" : "resource";
    const passed = info.policies.filter((policy) => isAsked(policy, type) && !unconcerned.has(policy.name));
    this.#sink.policy(kind, {
      ...resource(urn),
      ...pack(info.name, info.version),
      ...(passed.length === 0 ? {} : { passed: passed.map(({ name }) => name) }),
      ...(failed.length === 0 ? {} : { failed }),
    });
  }
}

function isAsked({ type, enforcementLevel }: PolicyInfo, asked: "resource" | "stack"): boolean {
  return (type === asked || type === "unknown") && enforcementLevel !== "disabled";
}

function resource(urn: string): { resourceUrn?: string } {
  return urn === "" ? {} : { resourceUrn: urn };
}

function pack(name: string, version: string): object {
  return { policyPackName: name, policyPackVersion: version, policyPackVersionTag: version };
}
