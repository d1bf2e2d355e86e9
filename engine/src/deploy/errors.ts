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
  /** @param looked Where it was searched for, in order. */
  constructor(name: string, version: string, looked: readonly string[]) {
    const wanted = version === "" ? "" : ` of version ${version}`;
    super(
      "PLUGIN_MISSING",
      `no resource plugin ${name}${wanted} was found; looked in ${looked.join(", ")}`,
      `Install it, put pulumi-resource-${name} on PATH, or name its folder in Pulumi.yaml (plugins.providers: name, path); ` +
        `a real \`pulumi\` can download it: pulumi plugin install resource ${name} ${version}`.trimEnd(),
    );
  }
}

export class PluginStartError extends DeploymentError {
  constructor(name: string, reason: string) {
    super("PLUGIN_START_FAILED", `resource plugin ${name} did not start: ${reason}`, "Mend what it says.");
  }
}

/** A plugin ended while it was asked for something: whether it did that is not known. */
export class PluginCrashedError extends DeploymentError {
  /** @param said The last lines of its output. */
  constructor(name: string, ending: string, said: readonly string[]) {
    const words = said.length === 0 ? "it said nothing" : `its last words:\n${said.join("\n")}`;
    super(
      "PLUGIN_CRASHED",
      `resource plugin ${name} ended unexpectedly (${ending}); ${words}`,
      "\nLook at its provider whether the operation was carried out: `pulumi refresh` brings the state up to date.",
    );
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
  constructor(options?: ErrorOptions) {
    super("resource monitor shut down", options);
    this.name = "ShutdownError";
  }
}

export function messageOf(error: unknown): string {
  if (error instanceof DeploymentError) return `${error.message}. ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}
