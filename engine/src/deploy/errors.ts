/** An error that the engine shows to its user: what is the case, and what to do about it. */
export class DeploymentError extends Error {
  readonly code: string;
  readonly remedy: string;
  constructor(code: string, message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.remedy = remedy;
  }
}

export class PluginMissingError extends DeploymentError {
  constructor(name: string, version: string) {
    const wanted = version === "" ? name : `${name} ${version}`;
    super(
      "PLUGIN_MISSING",
      `no resource plugin ${wanted} was found on PATH or in the plugins folder`,
      `Install it, or put pulumi-resource-${name} on PATH; a real \`pulumi\` can download it: pulumi plugin install resource ${name} ${version}`.trimEnd(),
    );
  }
}

export class PluginStartError extends DeploymentError {
  constructor(name: string, reason: string) {
    super("PLUGIN_START_FAILED", `resource plugin ${name} did not start: ${reason}`, "See its output above.");
  }
}

/** The SDK asked for something that this engine does not do. */
export class UnsupportedError extends DeploymentError {
  constructor(feature: string) {
    super(
      "NOT_SUPPORTED",
      `the embedded engine does not support ${feature}`,
      "Use a real `pulumi` (AUTOMATOS_ENGINE=cli, with pulumi >= 3.200 on PATH) for it.",
    );
  }
}

/** A problem that was already shown as a diagnostic: the operation fails, and nothing more is said. */
export class ReportedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ReportedError";
  }
}

/** The deployment is being ended: what waits on the monitor is told so. */
export class ShutdownError extends Error {
  constructor() {
    super("resource monitor shut down");
    this.name = "ShutdownError";
  }
}

export function messageOf(error: unknown): string {
  if (error instanceof DeploymentError) return `${error.message}. ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}
