/** Google's refusals, as its API words them and Terraform's provider hands them on. */
import { RehearsedCloudError } from "@automatos/provider-rehearsal";
import type { CloudErrors, Subject } from "@automatos/provider-rehearsal";

const CLOUD = "gcp";

function error(status: number, reason: string, message: string): RehearsedCloudError {
  return new RehearsedCloudError(CLOUD, reason, `googleapi: Error ${status}: ${message}, ${reason}`);
}

function called({ type, id }: Subject): string {
  return `${type.slice(type.lastIndexOf(":") + 1)} '${id}'`;
}

export const gcpErrors: CloudErrors = {
  denied: (permission, subject) =>
    error(403, "forbidden", `Required '${permission}' permission for ${called(subject)}`),
  exists: (subject, what) => error(409, "alreadyExists", `The resource '${what}' already exists (${called(subject)})`),
  missing: (subject, path, value) =>
    error(404, "notFound", `The resource '${value}' was not found; ${called(subject)} names it in ${path}`),
  notFound: (subject) => error(404, "notFound", `The resource ${called(subject)} was not found`),
  inUse: (subject, by) =>
    error(
      400,
      "resourceInUseByAnotherResource",
      `The resource ${called(subject)} is already being used by ${by.map(called).join(", ")}`,
    ),
  refused: (subject, reason) => error(400, "failedPrecondition", `${called(subject)}: ${reason}`),
  quota: (subject, quota, limit) =>
    error(403, "quotaExceeded", `Quota '${quota}' exceeded. Limit: ${limit}.0 (${called(subject)})`),
  timeout: (subject, action, seconds) =>
    new RehearsedCloudError(
      CLOUD,
      "timeout",
      `Error waiting to ${action} ${called(subject)}: timeout while waiting for state to become 'DONE' ` +
        `(last state: 'RUNNING', timeout: ${seconds > 0 ? `${seconds}s` : "20m0s"})`,
    ),
  unsettled: (subject, path, value) =>
    error(400, "badRequest", `'${value}' does not exist (yet); ${called(subject)} names it in ${path}`),
};
