/** Functions of the program that change what it registers, before the engine sees it. */
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type { TransformInvokeOptions, TransformResourceOptions } from "@pulumi/pulumi/proto/resource_pb.js";
import type { PropertyMap } from "../../model.ts";
import { messageOf } from "../errors.ts";
import { toOutputValues } from "../property/output-values.ts";
import type { WireMap } from "../property/output-values.ts";
import { marshalProperties, unmarshalProperties } from "../property/wire.ts";
import type { Callbacks } from "./callbacks.ts";
import { structPb } from "./protobuf.ts";

const KEEP_ALL = { keepUnknowns: true, keepSecrets: true, keepResources: true };

interface TransformSubject {
  name: string;
  type: string;
  custom: boolean;
  parent: string;
}

export interface Transformed {
  /** In wire form, with output values where a value is secret, unknown or came from a resource. */
  inputs: WireMap;
  options: TransformResourceOptions;
}

/** @throws Error when the program's function does. */
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
  request.setProperties(structPb.Struct.fromJavaScript(before.inputs));
  request.setOptions(before.options);
  let bytes: Uint8Array;
  try {
    bytes = await callbacks.invoke(callback, request);
  } catch (error) {
    throw new Error(`invoke transform: ${messageOf(error)}`, { cause: error });
  }
  const response = resourcePb.TransformResponse.deserializeBinary(bytes);
  const properties = response.getProperties();
  return {
    inputs: properties === undefined ? before.inputs : toOutputValues(properties.toJavaScript()),
    options: response.getOptions() ?? before.options,
  };
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
