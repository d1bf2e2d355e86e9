/** What can be asked of `preview`, `up`, `refresh` and `destroy`. */
export interface OperationOptions {
  readonly stack?: string;
  readonly configFile?: string;
  readonly yes?: boolean;
  readonly skipPreview?: boolean;
  readonly previewOnly?: boolean;
  readonly expectNoChanges?: boolean;
  readonly json?: boolean;
  readonly diff?: boolean;
  readonly eventLog?: string;
  readonly message?: string;
  readonly parallel?: number;
  readonly refresh?: string | boolean;
  readonly target?: readonly string[];
  readonly targetDependents?: boolean;
  readonly targetReplace?: readonly string[];
  readonly exclude?: readonly string[];
  readonly replace?: readonly string[];
  readonly showSecrets?: boolean;
  readonly suppressOutputs?: boolean;
  readonly execKind?: string;
  readonly client?: string;
}
