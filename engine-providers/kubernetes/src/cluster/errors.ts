/** What can go wrong between this provider and a cluster. */
import { list, number, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";

/** The API server answered, and refused. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status. */
  readonly status: number;
  /** `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Forbidden`, ...; empty when the server gave none. */
  readonly reason: string;
  /** The `Status` object that the server sent. */
  readonly details: Manifest;

  constructor(status: number, body: Manifest) {
    const message = text(body, "message");
    super(message === "" ? `the API server answered with status ${status}` : message);
    this.status = status;
    this.reason = text(body, "reason");
    this.details = body;
  }

  /** Fields that the server names as the cause, by the cause's type: `FieldManagerConflict`, `FieldValueRequired`, ... */
  causes(type: string): { readonly field: string; readonly message: string }[] {
    return list(this.details, "details", "causes")
      .filter((cause) => text(cause, "reason") === type)
      .map((cause) => ({ field: text(cause, "field"), message: text(cause, "message") }));
  }

  /** Seconds that the server asks to wait before the next try. */
  get retryAfterSeconds(): number | undefined {
    return number(this.details, "details", "retryAfterSeconds");
  }
}

/** The cluster has no such kind: its definition is not there (yet), or its version is no longer served. */
export class KindUnknownError extends Error {
  override readonly name = "KindUnknownError";

  constructor(apiVersion: string, kind: string) {
    super(`no matches for kind "${kind}" in version "${apiVersion}"`);
  }
}

/** No answer: wrong address, no network, certificate not trusted, credentials that could not be had. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";

  constructor(reason: string, options?: ErrorOptions) {
    super(`configured Kubernetes cluster is unreachable: ${reason}`, options);
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

export function hasReason(error: unknown, reason: string): boolean {
  return error instanceof ApiError && error.reason === reason;
}

/** The namespace of the object is not there. */
export function isNamespaceMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && text(error.details, "details", "kind") === "namespaces";
}
