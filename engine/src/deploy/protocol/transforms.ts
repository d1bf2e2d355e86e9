/** Functions of the program that change what it registers, before the engine sees it. */
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type { TransformInvokeOptions, TransformResourceOptions } from "@pulumi/pulumi/proto/resource_pb.js";
import { Secret, Unknown } from "../../model.ts";
import type { PropertyMap } from "../../model.ts";
import { OUTPUT_SIGNATURE, SIGNATURE_KEY } from "../property/signatures.ts";
import { fromWireMap, marshalProperties, toWire, unmarshalProperties } from "../property/wire.ts";
import type { Callbacks } from "./callbacks.ts";
import { structPb } from "./protobuf.ts";
import type { JavaScriptValue } from "./protobuf.ts";

const KEEP_ALL = { keepUnknowns: true, keepSecrets: true, keepResources: true };

interface TransformSubject {
  name: string;
  type: string;
  custom: boolean;
  parent: string;
}

export interface Transformed {
  inputs: PropertyMap;
  /** By property, the URNs that its value came from. */
  propertyDependencies: Record<string, string[]>;
  options: TransformResourceOptions;
}

export async function applyTransform(
  callbacks: Callbacks,
  callback: Callback,
  subject: TransformSubject,
  before: Transformed,
): Promise<Transformed> {
  const request = new resourcePb.TransformRequest();
  request.setName(subject.name);
  request.setType(subject.type);
  request.setCustom(subject.custom);
  request.setParent(subject.parent);
  request.setProperties(structPb.Struct.fromJavaScript(asOutputs(before)));
  request.setOptions(before.options);
  const response = resourcePb.TransformResponse.deserializeBinary(await callbacks.invoke(callback, request));
  const properties = response.getProperties();
  if (properties === undefined) return { ...before, options: response.getOptions() ?? before.options };
  // The SDK's answer names no dependencies where the transform made new properties: what was known stays true.
  const dependencies: Record<string, Set<string>> = {};
  const inputs = fromWireMap(properties.toJavaScript(), (key, urn) => (dependencies[key] ??= new Set()).add(urn));
  const propertyDependencies: Record<string, string[]> = {};
  for (const key of Object.keys(inputs)) {
    propertyDependencies[key] = [
      ...new Set([...(before.propertyDependencies[key] ?? []), ...(dependencies[key] ?? [])]),
    ];
  }
  return { inputs, propertyDependencies, options: response.getOptions() ?? before.options };
}

/** Properties as the SDK's outputs, so that a transform can use them as such. */
function asOutputs({ inputs, propertyDependencies }: Transformed): Record<string, JavaScriptValue> {
  const wire: Record<string, JavaScriptValue> = {};
  for (const [key, value] of Object.entries(inputs)) {
    const dependencies = propertyDependencies[key] ?? [];
    const secret = value instanceof Secret;
    const element = secret ? value.element : value;
    const isPlain = dependencies.length === 0 && !secret && !(element instanceof Unknown);
    const marshalled = element instanceof Unknown ? undefined : toWire(element, KEEP_ALL);
    if (isPlain) {
      if (marshalled !== undefined) wire[key] = marshalled;
    } else
      wire[key] = {
        [SIGNATURE_KEY]: OUTPUT_SIGNATURE,
        secret,
        dependencies,
        ...(marshalled === undefined ? {} : { value: marshalled }),
      };
  }
  return wire;
}

interface InvokeArguments {
  args: PropertyMap;
  options: TransformInvokeOptions;
}

export async function applyInvokeTransform(
  callbacks: Callbacks,
  callback: Callback,
  token: string,
  before: InvokeArguments,
): Promise<InvokeArguments> {
  const request = new resourcePb.TransformInvokeRequest();
  request.setToken(token);
  request.setArgs(marshalProperties(before.args, KEEP_ALL));
  request.setOptions(before.options);
  const response = resourcePb.TransformInvokeResponse.deserializeBinary(await callbacks.invoke(callback, request));
  const args = response.getArgs();
  return {
    args: args === undefined ? before.args : unmarshalProperties(args),
    options: response.getOptions() ?? before.options,
  };
}
