/** How resources of AWS are called, with the marks of a rehearsal. */
import type { Making } from "@automatos/provider-rehearsal";

/** No account has this number. */
export const ACCOUNT = "000000000000";

/** Hosts that cannot be (RFC 6761). */
export function host(...parts: readonly string[]): string {
  return [...parts, "rehearsal.invalid"].join(".");
}

/** `arn:aws:<service>:<region>:<account>:<resource>`, in the partition that the region is in. */
export function arn(
  making: Making,
  service: string,
  resource: string,
  scope: "region" | "global" | "none" = "region",
): string {
  const region = scope === "region" ? (making.place["region"] ?? "") : "";
  return `arn:${making.place["partition"] ?? "aws"}:${service}:${region}:${scope === "none" ? "" : ACCOUNT}:${resource}`;
}

/** An id as EC2 gives them, with seven zeros in front that no real one has: `vpc-0000000` and ten digits. */
export function ec2Id(making: Making, prefix: string, purpose = prefix): string {
  return `${prefix}-0000000${making.hex(10, purpose)}`;
}

/** A unique id as IAM gives them (`AROA...`): the mark is part of the alphabet. */
export function iamId(making: Making, prefix: string): string {
  const letters = Array.from(making.hex(8, prefix), (digit) => "ABCDEFGHIJKLMNOP"[Number.parseInt(digit, 16)] ?? "A");
  return `${prefix}REHEARSED${letters.join("")}`;
}

/** A UUID that begins with eight zeros. */
export function uuid(making: Making, purpose = "uuid"): string {
  return `00000000-0000-4000-8000-${making.hex(12, purpose)}`;
}

/** The last part of an ARN or path. */
export function lastPart(text: string): string {
  return text.slice(Math.max(text.lastIndexOf("/"), text.lastIndexOf(":")) + 1);
}

/** China and GovCloud have partitions of their own. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}
