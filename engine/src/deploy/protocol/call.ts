/** Methods of resources whose code is in another package. */
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type { CallRequest, CallResponse } from "@pulumi/pulumi/proto/provider_pb.js";
import type { ResourceCallRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import { ShutdownError } from "../errors.ts";
import { allDependencies, fromOutputValues, toOutputValues } from "../property/output-values.ts";
import type { WireMap } from "../property/output-values.ts";
import { fromWireMap } from "../property/wire.ts";
import { isProviderType, packageOf } from "../urn.ts";
import type { Ancestry } from "./ancestry.ts";
import { providerOfReference } from "./monitor-deps.ts";
import type { MonitorDeps } from "./monitor-deps.ts";
import type { Packages } from "./packages.ts";
import { structPb } from "./protobuf.ts";
import { describeRefusal } from "./refusal.ts";
import type { SourcePositions } from "./source-positions.ts";
import { setRunInfo } from "./run-info.ts";

interface CallParts {
  ancestry: Ancestry;
  packages: Packages;
  positions: SourcePositions;
  /** `host:port` at which other processes register resources. */
  monitorAddress: () => string;
}

/** @throws ShutdownError after it told what went wrong. */
export async function callMethod(
  deps: MonitorDeps,
  parts: CallParts,
  request: ResourceCallRequest,
): Promise<CallResponse> {
  const token = request.getTok();
  const args = toOutputValues(request.getArgs()?.toJavaScript() ?? {});
  const { reference, name } = receiver(parts.ancestry, request, args);
  const provider = await providerOfReference(deps, reference, parts.packages.requestOf(request, name), token);
  let answer: CallResponse;
  try {
    answer = await parts.positions.handingOn(request, (stackTraceHandle) => {
      const message = callRequest(deps, request, args);
      message.setMonitorendpoint(parts.monitorAddress());
      message.setStackTraceHandle(stackTraceHandle);
      return deps.untilStopped(provider.call(message, args));
    });
  } catch (error) {
    if (!deps.isStopped())
      deps.fail(`call to function '${token}' failed: ${describeRefusal(error, fromWireMap(args))}`);
    throw new ShutdownError({ cause: error });
  }
  return answerOf(answer, request.getAcceptOutputValues());
}

/** Whose method it is: a provider's own, that of the resource that is named, or of one of the token's package. */
function receiver(
  ancestry: Ancestry,
  request: ResourceCallRequest,
  args: WireMap,
): { reference: string; name: string } {
  const token = request.getTok();
  const self = args["__self__"] as WireMap | undefined;
  const field = (key: string): string => {
    const value = self?.[key];
    if (typeof value === "string") return value;
    throw new Error(`missing __self__.${key} for the method call of ${token}`);
  };
  if (isProviderType(token)) {
    // pulumi:providers:<package>/<method>
    const [name = "", ...method] = (token.split(":")[2] ?? "").split("/");
    if (method.length !== 1) throw new Error(`invalid provider method token ${token}`);
    return { reference: `${field("urn")}::${field("id")}`, name };
  }
  const name = packageOf(token);
  if (request.getProvider() !== "" || self === undefined) return { reference: request.getProvider(), name };
  const goal = ancestry.goal(field("urn"));
  if (goal === undefined) throw new Error(`unknown resource ${field("urn")}`);
  return { reference: goal.provider, name };
}

function callRequest({ request }: MonitorDeps, call: ResourceCallRequest, args: WireMap): CallRequest {
  const message = new providerPb.CallRequest();
  message.setTok(call.getTok());
  setRunInfo(message, request);
  message.setAcceptsOutputValues(true);
  const given: Record<string, string[]> = {};
  call.getArgdependenciesMap().forEach((dependencies, key) => (given[key] = dependencies.getUrnsList()));
  for (const [key, urns] of Object.entries(allDependencies(args, given))) {
    const dependencies = new providerPb.CallRequest.ArgumentDependencies();
    dependencies.setUrnsList(urns);
    message.getArgdependenciesMap().set(key, dependencies);
  }
  return message;
}

function answerOf(answer: CallResponse, acceptsOutputValues: boolean): CallResponse {
  const result = answer.getReturn()?.toJavaScript() ?? {};
  const given: Record<string, string[]> = {};
  answer.getReturndependenciesMap().forEach((dependencies, key) => (given[key] = dependencies.getUrnsList()));
  const response = new providerPb.CallResponse();
  response.setReturn(structPb.Struct.fromJavaScript(acceptsOutputValues ? result : fromOutputValues(result)));
  for (const [key, urns] of Object.entries(allDependencies(result, given))) {
    const dependencies = new providerPb.CallResponse.ReturnDependencies();
    dependencies.setUrnsList(urns);
    response.getReturndependenciesMap().set(key, dependencies);
  }
  response.setFailuresList(answer.getFailuresList());
  return response;
}
