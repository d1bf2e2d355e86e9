import type * as pulumi from "@pulumi/pulumi";

/** What every phase's stack says of itself; `pulumi stack output` shows it. */
export interface StackOutputs {
  readonly phase: string;
  readonly apiUrl: pulumi.Output<string>;
  /** The API's documentation, to be read in a browser. */
  readonly apiDocsUrl: pulumi.Output<string>;
  /** Bearer token of the first administrator; a secret. */
  readonly adminToken: pulumi.Output<string>;
  /** Local phase: elsewhere health is inside, and shown by what watches the containers. */
  readonly workerHealthUrls?: pulumi.Output<string[]>;
  readonly gatewayHealthUrl?: pulumi.Output<string>;
  /** Local phase: where the workspaces' files are, below the project's folder. */
  readonly workspacesDir?: string;
  /** Pilot: what data -> the Docker host's volume in which they lie. */
  readonly volumes?: pulumi.Output<Readonly<Record<string, string>>>;
}
