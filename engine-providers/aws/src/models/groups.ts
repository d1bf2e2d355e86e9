/** Groups of subnets or parameters, as RDS and ElastiCache have them alike. */
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { named, permissions, replaces } from "../declare.ts";
import { arn } from "../names.ts";

export const TAGS = "AddTagsToResource RemoveTagsFromResource";
export const regionOf = (making: Making) => making.place["region"] ?? "";

/** @param kind as in its ARN @param actions as in its actions: `Create<actions>` */
export function group(
  service: "rds" | "elasticache",
  kind: string,
  actions: string,
  more: Partial<ResourceModel>,
): ResourceModel {
  return {
    autoName: named(255, "name", { lowerCase: false }),
    replaces: replaces("name namePrefix"),
    permissions: permissions(service, {
      create: `Create${actions} ${TAGS}`,
      read: `Describe${actions}s ListTagsForResource`,
      update: `Modify${actions} ${TAGS}`,
      delete: `Delete${actions}`,
    }),
    defaults: { description: "Managed by Pulumi" },
    id: (making) => making.text("name"),
    unique: (making) => [`${service}/${kind}/${regionOf(making)}/${making.text("name")}`],
    outputs: (making) => ({
      arn: arn(making, service, `${kind}:${making.text("name")}`),
      vpcId: making.of("subnetIds", "vpcId"),
    }),
    ...more,
  };
}
