import type { PolicyPackOptions } from "./policy-packs.ts";

/** What can be asked of `preview`, `up`, `refresh`, `destroy` and `import`. */
export interface OperationOptions extends PolicyPackOptions, DisplayFlags {
  readonly stack?: string;
  readonly configFile?: string;
  /** `key=value` each: set before the operation, and kept. */
  readonly config?: readonly string[];
  readonly configPath?: boolean;
  readonly skipConfigValidation?: boolean;
  readonly yes?: boolean;
  readonly skipPreview?: boolean;
  readonly previewOnly?: boolean;
  readonly expectNoChanges?: boolean;
  readonly eventLog?: string;
  readonly message?: string;
  readonly parallel?: number;
  readonly refresh?: string | boolean;
  readonly target?: readonly string[];
  readonly targetDependents?: boolean;
  readonly targetReplace?: readonly string[];
  readonly exclude?: readonly string[];
  readonly excludeDependents?: boolean;
  readonly excludeProtected?: boolean;
  readonly replace?: readonly string[];
  readonly continueOnError?: boolean;
  /** Of `destroy`: the stack goes too. */
  readonly remove?: boolean;
  readonly skipPendingCreates?: boolean;
  readonly clearPendingCreates?: boolean;
  /** URN and id in turn. */
  readonly importPendingCreates?: readonly string[];
  readonly execKind?: string;
  readonly execAgent?: string;
  readonly client?: string;
}

export interface DisplayFlags {
  readonly json?: boolean;
  readonly diff?: boolean;
  readonly debug?: boolean;
  readonly showSecrets?: boolean;
  readonly suppressOutputs?: boolean;
  readonly showConfig?: boolean;
  readonly showSames?: boolean;
  readonly showReads?: boolean;
  readonly showReplacementSteps?: boolean;
  readonly urns?: boolean;
}
