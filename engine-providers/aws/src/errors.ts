/** AWS's refusals, as its API words them and Terraform's provider hands them on. */
import { RehearsedCloudError } from "@automatos/provider-rehearsal";
import type { CloudErrors, Subject } from "@automatos/provider-rehearsal";
import { ACCOUNT } from "./names.ts";

const CLOUD = "aws";
const REQUEST = "00000000-0000-0000-0000-000000000000";

function error(status: number, code: string, message: string): RehearsedCloudError {
  const text = `https response error StatusCode: ${status}, RequestID: ${REQUEST}, api error ${code}: ${message}`;
  return new RehearsedCloudError(CLOUD, code, text);
}

function called({ type, id }: Subject): string {
  return `${type.slice(type.lastIndexOf(":") + 1)} '${id}'`;
}

export const awsErrors: CloudErrors = {
  denied: (permission, subject) => {
    const caller = `arn:aws:iam::${ACCOUNT}:user/rehearsed`;
    const code = permission.startsWith("ec2:") ? "UnauthorizedOperation" : "AccessDeniedException";
    const reason = "because no identity-based policy allows it";
    return error(
      403,
      code,
      `User: ${caller} is not authorized to perform: ${permission} on ${called(subject)} ${reason}`,
    );
  },
  exists: (subject, what) => error(409, "EntityAlreadyExists", `${called(subject)} with name ${what} already exists`),
  missing: (subject, path, value) =>
    error(400, "InvalidParameterValue", `'${value}' does not exist; ${called(subject)} names it in ${path}`),
  notFound: (subject) => error(404, "ResourceNotFoundException", `${called(subject)} does not exist`),
  inUse: (subject, by) =>
    error(
      400,
      "DependencyViolation",
      `${called(subject)} has dependencies and cannot be deleted: ${by.map(called).join(", ")}`,
    ),
  refused: (subject, reason) => error(400, "InvalidRequestException", `${called(subject)}: ${reason}`),
  quota: (subject, quota, limit) =>
    error(400, "LimitExceeded", `The maximum number of ${quota} (${limit}) has been reached (${called(subject)})`),
  timeout: (subject, action, seconds) =>
    new RehearsedCloudError(
      CLOUD,
      "timeout",
      `waiting for ${called(subject)} ${action}: timeout while waiting for state to become 'ACTIVE' ` +
        `(last state: 'PENDING', timeout: ${seconds > 0 ? `${seconds}s` : "30m0s"})`,
    ),
  unsettled: (subject, path, value) =>
    error(
      400,
      "InvalidParameterException",
      `'${value}' does not exist or cannot be assumed (yet); ${called(subject)} names it in ${path}`,
    ),
};
