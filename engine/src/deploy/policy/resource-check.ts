/** What all packs say of one resource that is about to be brought about. */
import type { PropertyMap } from "../../model.ts";
import type { AnalyzedResource } from "./analyzed-resource.ts";
import type { Analyzer } from "./analyzer.ts";
import type { Analysis, Remediation, Violation } from "./findings.ts";
import { secretTexts } from "../mask.ts";
import type { PolicyEvents } from "./policy-events.ts";

/** Tells of what was found. */
type Tell = (events: PolicyEvents) => void;
type Hash = (inputs: PropertyMap) => Promise<PropertyMap>;

export interface Examination {
  /** The resource's inputs after all remediations. */
  readonly inputs: PropertyMap;
  /** Whether a mandatory policy is violated. */
  readonly violated: boolean;
  readonly tell: Tell;
}

/**
 * Remediations first, one pack after the other, each on what those before it made of the resource; then the checks, of
 * all packs at once, on what came of it.
 * @param hash Gives assets their hashes back, which policies do not see.
 * @throws PolicyRunError, ShutdownError
 */
export async function examine(
  analyzers: readonly Analyzer[],
  resource: AnalyzedResource,
  hash: Hash,
): Promise<Examination> {
  const tells: Tell[] = [];
  let inputs = resource.properties;
  for (const analyzer of analyzers) {
    const remedy = await remediate(analyzer, { ...resource, properties: inputs }, hash);
    inputs = remedy.inputs;
    tells.push(remedy.tell);
  }
  const analyses = await Promise.all(
    analyzers.map(async (analyzer) => ({
      analyzer,
      analysis: await analyzer.analyze({ ...resource, properties: inputs }),
    })),
  );
  const { urn } = resource.state;
  for (const { analyzer, analysis } of analyses)
    tells.push((events) => {
      for (const violation of analysis.findings) events.violation(urn, violation, secretTexts(inputs));
      events.summary("policyAnalyzeSummaryEvent", urn, analyzer.info, analysis);
    });
  return {
    inputs,
    violated: analyses.some(({ analysis }) => analysis.findings.some(isMandatory)),
    tell: (events) => tells.forEach((tell) => tell(events)),
  };
}

export function isMandatory({ enforcementLevel }: Violation): boolean {
  return enforcementLevel === "mandatory";
}

async function remediate(
  analyzer: Analyzer,
  resource: AnalyzedResource,
  hash: Hash,
): Promise<{ inputs: PropertyMap; tell: Tell }> {
  const { urn } = resource.state;
  const { info } = analyzer;
  const analysis: Analysis<Remediation> = analyzer.remediates
    ? await analyzer.remediate(resource)
    : { findings: [], notApplicable: [] };
  const tells: Tell[] = [];
  let inputs = resource.properties;
  for (const remediation of analysis.findings) {
    const before = inputs;
    if (remediation.diagnostic === "") {
      const after = await hash(remediation.properties);
      inputs = after;
      tells.push((events) => events.remediation(urn, info, { ...remediation, properties: after }, before));
    } else tells.push((events) => events.violation(urn, unableToRemediate(analyzer, remediation), secretTexts(before)));
  }
  tells.push((events) => events.summary("policyRemediateSummaryEvent", urn, info, analysis));
  return { inputs, tell: (events) => tells.forEach((tell) => tell(events)) };
}

function unableToRemediate({ info }: Analyzer, { policy, diagnostic }: Remediation): Violation {
  return {
    policy,
    packName: info.name,
    packVersion: info.version,
    message: diagnostic,
    enforcementLevel: "advisory",
    severity: "",
    remediationSteps: "",
    urn: "",
  };
}
