/** Pulumi's ResourceMonitor service: what the program asks the engine for. */
import * as grpc from "@grpc/grpc-js";
import resourceGrpc from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import { unmarshalProperties } from "../property/wire.ts";
import { callMethod } from "./call.ts";
import { existsResource } from "./exists-resource.ts";
import { listen, SERVER_OPTIONS, unary } from "./grpc.ts";
import { invoke } from "./invoke.ts";
import type { MonitorDeps } from "./monitor-deps.ts";
import { Packages } from "./packages.ts";
import { emptyPb } from "./protobuf.ts";
import { Registrations } from "./registrations.ts";
import { SourcePositions } from "./source-positions.ts";
import { setRunInfo } from "./run-info.ts";

const Feature = resourcePb.ResourceMonitorFeature;
const FEATURES = [
  Feature.RESOURCE_MONITOR_FEATURE_SECRETS,
  Feature.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
  Feature.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
  Feature.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
  Feature.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
  Feature.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
  Feature.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
  Feature.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
  Feature.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
  Feature.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
  Feature.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
  Feature.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
  Feature.RESOURCE_MONITOR_FEATURE_SENDS_OPTIONS_TO_HOOKS,
  Feature.RESOURCE_MONITOR_FEATURE_INVOKE_PARENT,
];

/** What older SDKs call the features. */
const FEATURE_NAMES = new Set([
  "secrets",
  "resourceReferences",
  "outputValues",
  "aliasSpecs",
  "replacementTrigger",
  "deletedWith",
  "replaceWith",
  "transforms",
  "invokeTransforms",
  "parameterization",
  "resourceHooks",
  "errorHooks",
  "sendsOptionsToHooks",
]);

export class Monitor {
  readonly #server = new grpc.Server(SERVER_OPTIONS);
  readonly #deps: MonitorDeps;
  readonly #invokeTransforms: Callback[] = [];
  #address = "";
  #isAwaitingEnd = false;

  constructor(deps: MonitorDeps) {
    this.#deps = deps;
    const packages = new Packages();
    const positions = new SourcePositions(deps.request.projectDir);
    const monitorAddress = () => this.#address;
    const registrations = new Registrations(deps, { packages, positions, monitorAddress });
    const { ancestry } = registrations;
    const service: resourceGrpc.IResourceMonitorServer = {
      getDeploymentInfo: unary(() => this.#deploymentInfo()),
      supportsFeature: unary((request) => {
        const response = new resourcePb.SupportsFeatureResponse();
        response.setHassupport(FEATURE_NAMES.has(request.getId()));
        return response;
      }),
      invoke: unary((request) => invoke(deps, { transforms: this.#invokeTransforms, ancestry, packages }, request)),
      call: unary((request) => callMethod(deps, { ancestry, packages, positions, monitorAddress }, request)),
      readResource: unary((request) => registrations.read(request)),
      existsResource: unary((request) => existsResource(deps, { ancestry, packages }, request)),
      registerResource: unary((request) => registrations.register(request)),
      registerResourceOutputs: unary(async (request) => {
        await deps.completeOutputs(request.getUrn(), unmarshalProperties(request.getOutputs()));
        return new emptyPb.Empty();
      }),
      registerStackTransform: unary((callback) => {
        registrations.addStackTransform(callback);
        return new emptyPb.Empty();
      }),
      registerStackInvokeTransform: unary((callback) => {
        this.#invokeTransforms.push(callback);
        return new emptyPb.Empty();
      }),
      registerResourceHook: unary((request) => {
        deps.hooks.register(request);
        return new emptyPb.Empty();
      }),
      registerErrorHook: unary((request) => {
        deps.hooks.registerErrorHook(request);
        return new emptyPb.Empty();
      }),
      registerPackage: unary((request) => {
        const response = new resourcePb.RegisterPackageResponse();
        response.setRef(packages.register(request));
        return response;
      }),
      signalAndWaitForShutdown: unary(async () => {
        if (this.#isAwaitingEnd) throw new Error("Already waiting for shutdown");
        this.#isAwaitingEnd = true;
        await deps.programDone();
        return new emptyPb.Empty();
      }),
    };
    this.#server.addService(resourceGrpc.ResourceMonitorService, service);
  }

  async listen(): Promise<string> {
    this.#address = await listen(this.#server);
    return this.#address;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #deploymentInfo() {
    const { request } = this.#deps;
    const info = new resourcePb.DeploymentInfo();
    setRunInfo(info, request);
    info.setSupportedfeaturesList(FEATURES);
    return info;
  }
}
