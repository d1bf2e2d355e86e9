/** Pulumi's ResourceMonitor service: what the program asks the engine for. */
import * as grpc from "@grpc/grpc-js";
import resourceGrpc from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import { UnsupportedError } from "../errors.ts";
import { unmarshalProperties } from "../property/wire.ts";
import { listen, SERVER_OPTIONS, unary } from "./grpc.ts";
import { invoke } from "./invoke.ts";
import type { MonitorDeps } from "./monitor-deps.ts";
import { emptyPb } from "./protobuf.ts";
import { Registrations } from "./registrations.ts";

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
  Feature.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
];

/** What older SDKs call the features. */
const FEATURE_NAMES = new Set([
  "secrets",
  "resourceReferences",
  "outputValues",
  "aliasSpecs",
  "deletedWith",
  "replaceWith",
  "transforms",
  "invokeTransforms",
  "resourceHooks",
]);

export class Monitor {
  readonly #server = new grpc.Server(SERVER_OPTIONS);
  readonly #deps: MonitorDeps;
  readonly #invokeTransforms: Callback[] = [];

  constructor(deps: MonitorDeps) {
    this.#deps = deps;
    const registrations = new Registrations(deps);
    const service: resourceGrpc.IResourceMonitorServer = {
      getDeploymentInfo: unary(() => this.#deploymentInfo()),
      supportsFeature: unary((request) => {
        const response = new resourcePb.SupportsFeatureResponse();
        response.setHassupport(FEATURE_NAMES.has(request.getId()));
        return response;
      }),
      invoke: unary((request) => invoke(deps, this.#invokeTransforms, request)),
      call: unary((request) => {
        throw new UnsupportedError(`calling methods of component providers (${request.getTok()})`);
      }),
      readResource: unary((request) => registrations.read(request)),
      existsResource: unary((request) => {
        throw new UnsupportedError(`looking whether a resource exists (${request.getType()})`);
      }),
      registerResource: unary((request) => registrations.register(request)),
      registerResourceOutputs: unary((request) => {
        deps.completeOutputs(request.getUrn(), unmarshalProperties(request.getOutputs()));
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
        throw new UnsupportedError(`error hooks (${request.getName()})`);
      }),
      registerPackage: unary((request) => {
        throw new UnsupportedError(`parameterized packages (${request.getName()})`);
      }),
      signalAndWaitForShutdown: unary(async () => {
        await deps.programDone();
        return new emptyPb.Empty();
      }),
    };
    this.#server.addService(resourceGrpc.ResourceMonitorService, service);
  }

  listen(): Promise<string> {
    return listen(this.#server);
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #deploymentInfo() {
    const { request } = this.#deps;
    const info = new resourcePb.DeploymentInfo();
    info.setProject(request.project);
    info.setStack(request.stack);
    info.setOrganization(request.organization);
    for (const [key, { value }] of request.config) info.getConfigMap().set(key, value);
    info.setConfigsecretkeysList([...request.config].filter(([, { secret }]) => secret).map(([key]) => key));
    info.setDryrun(request.dryRun);
    info.setParallel(request.parallel);
    info.setSupportedfeaturesList(FEATURES);
    return info;
  }
}
