/** What a pretended cloud refuses, in words and codes of the real one. */

/** The pretended cloud refused. The message begins with the cloud's name and says that it is rehearsed. */
export class RehearsedCloudError extends Error {
  override readonly name = "RehearsedCloudError";
  readonly code: string;

  constructor(cloud: string, code: string, message: string) {
    super(`rehearsed ${cloud}: ${message}`);
    this.code = code;
  }
}

/** What a refusal is about. */
export interface Subject {
  /** Type token. */
  readonly type: string;
  /** The resource's name in the program. */
  readonly name: string;
  /** Id or, before there is one, the name in the cloud. */
  readonly id: string;
}

export interface CloudErrors {
  denied(permission: string, subject: Subject): RehearsedCloudError;
  exists(subject: Subject, what: string): RehearsedCloudError;
  /** What an input names is not there. */
  missing(subject: Subject, path: string, value: string): RehearsedCloudError;
  /** What is to be read, changed or looked up is not there. */
  notFound(subject: Subject): RehearsedCloudError;
  inUse(subject: Subject, by: readonly Subject[]): RehearsedCloudError;
  /** A rule of the resource itself forbids the removal. */
  refused(subject: Subject, reason: string): RehearsedCloudError;
  quota(subject: Subject, quota: string, limit: number): RehearsedCloudError;
  timeout(subject: Subject, action: string, seconds: number): RehearsedCloudError;
  /** What an input names was made, but is not found yet. */
  unsettled(subject: Subject, path: string, value: string): RehearsedCloudError;
}
