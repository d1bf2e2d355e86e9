import type { RegisterResourceRequest, TransformResourceOptions } from "@pulumi/pulumi/proto/resource_pb.js";
import type { WireMap } from "../property/output-values.ts";

/** A registration as far as the program and its transforms determine it. */
export interface Wanted {
  request: RegisterResourceRequest;
  options: TransformResourceOptions;
  /** In wire form. */
  inputs: WireMap;
  dependencies: readonly string[];
  propertyDependencies: Record<string, string[]>;
  /** By package: what a component hands down. */
  providers: ReadonlyMap<string, string>;
}
