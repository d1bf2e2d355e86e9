/** What policies find. */
import type { PropertyMap } from "../../model.ts";
import type { EnforcementLevel, PolicySeverity } from "./analyzer-info.ts";

export interface Violation {
  readonly policy: string;
  readonly packName: string;
  readonly packVersion: string;
  readonly message: string;
  /** Never "remediate": what is still wrong after a remediation is a violation like any other. */
  readonly enforcementLevel: EnforcementLevel;
  readonly severity: PolicySeverity;
  readonly remediationSteps: string;
  /** The resource that a stack policy names; "" otherwise. */
  readonly urn: string;
}

export interface Remediation {
  readonly policy: string;
  /** The resource's inputs as they are to be. */
  readonly properties: PropertyMap;
  /** Why the policy could not run; "" when it did. */
  readonly diagnostic: string;
}

export interface Analysis<Finding> {
  readonly findings: readonly Finding[];
  /** Names of policies that the resource is none of the business of. */
  readonly notApplicable: readonly string[];
}
