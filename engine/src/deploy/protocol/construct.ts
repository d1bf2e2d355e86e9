/** Components whose code is in another package: their provider is asked to make them. */
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type { ConstructRequest } from "@pulumi/pulumi/proto/provider_pb.js";
import type { PropertyMap } from "../../model.ts";
import { ShutdownError } from "../errors.ts";
import { allDependencies, fromOutputValues } from "../property/output-values.ts";
import { fromWireMap } from "../property/wire.ts";
import { providerOfReference } from "./monitor-deps.ts";
import type { MonitorDeps } from "./monitor-deps.ts";
import type { Wanted } from "./wanted.ts";
import { describeRefusal } from "./refusal.ts";
import { setRunInfo } from "./run-info.ts";

interface Constructed {
  urn: string;
  outputs: PropertyMap;
  outputDependencies: Readonly<Record<string, readonly string[]>>;
}

/** By what the component's code finds the way back to the engine. */
interface WayBack {
  /** `host:port` */
  monitorAddress: string;
  stackTraceHandle: string;
}

/**
 * Undefined when the provider cannot be asked, as its configuration is not known yet.
 * @throws ShutdownError after it told what went wrong.
 */
export async function construct(
  deps: MonitorDeps,
  wanted: Wanted,
  reference: string,
  wayBack: WayBack,
): Promise<Constructed | undefined> {
  const { request: registration } = wanted;
  const [type, name] = [registration.getType(), registration.getName()];
  const wish = { plugin: "", version: "", pluginDownloadUrl: "" };
  const provider = await providerOfReference(deps, reference, wish, type);
  try {
    const response = await deps.untilStopped(
      provider.construct(constructRequest(deps, wanted, wayBack), wanted.inputs),
    );
    if (response === undefined) return undefined;
    const state = response.getState()?.toJavaScript() ?? {};
    const given: Record<string, string[]> = {};
    response.getStatedependenciesMap().forEach((dependencies, key) => (given[key] = dependencies.getUrnsList()));
    return {
      urn: response.getUrn(),
      outputs: fromWireMap(fromOutputValues(state)),
      outputDependencies: allDependencies(state, given),
    };
  } catch (error) {
    // The component's code was told by the monitor that the deployment is over: its words add nothing.
    if (!deps.isStopped())
      deps.fail(`${type} resource '${name}' has a problem: ${describeRefusal(error, fromWireMap(wanted.inputs))}`);
    throw new ShutdownError({ cause: error });
  }
}

function constructRequest({ request }: MonitorDeps, wanted: Wanted, wayBack: WayBack): ConstructRequest {
  const { request: registration, options } = wanted;
  const message = new providerPb.ConstructRequest();
  setRunInfo(message, request);
  message.setMonitorendpoint(wayBack.monitorAddress);
  message.setStackTraceHandle(wayBack.stackTraceHandle);
  message.setType(registration.getType());
  message.setName(registration.getName());
  message.setParent(registration.getParent());
  for (const [key, urns] of Object.entries(wanted.propertyDependencies)) {
    const dependencies = new providerPb.ConstructRequest.PropertyDependencies();
    dependencies.setUrnsList(urns);
    message.getInputdependenciesMap().set(key, dependencies);
  }
  message.setDependenciesList([...wanted.dependencies]);
  for (const [name, reference] of wanted.providers) message.getProvidersMap().set(name, reference);
  message.setAliasesList(options.getAliasesList());
  if (options.hasProtect()) message.setProtect(options.getProtect() ?? false);
  message.setAdditionalsecretoutputsList(options.getAdditionalSecretOutputsList());
  message.setDeletedwith(options.getDeletedWith());
  message.setReplaceWithList(options.getReplaceWithList());
  if (options.hasDeleteBeforeReplace()) message.setDeletebeforereplace(options.getDeleteBeforeReplace() ?? false);
  message.setIgnorechangesList(options.getIgnoreChangesList());
  message.setReplaceonchangesList(options.getReplaceOnChangesList());
  message.setReplacementTrigger(options.getReplacementTrigger());
  if (options.hasRetainOnDelete()) message.setRetainondelete(options.getRetainOnDelete() ?? false);
  setTimeouts(message, wanted);
  setHooks(message, wanted);
  message.setAcceptsOutputValues(true);
  return message;
}

function setTimeouts(message: ConstructRequest, { options }: Wanted): void {
  const given = options.getCustomTimeouts();
  if (given === undefined) return;
  const timeouts = new providerPb.ConstructRequest.CustomTimeouts();
  timeouts.setCreate(given.getCreate());
  timeouts.setUpdate(given.getUpdate());
  timeouts.setDelete(given.getDelete());
  timeouts.setRead(given.getRead());
  message.setCustomtimeouts(timeouts);
}

function setHooks(message: ConstructRequest, { options }: Wanted): void {
  const given = options.getHooks();
  if (given === undefined) return;
  const hooks = new providerPb.ConstructRequest.ResourceHooksBinding();
  hooks.setBeforeCreateList(given.getBeforeCreateList());
  hooks.setAfterCreateList(given.getAfterCreateList());
  hooks.setBeforeUpdateList(given.getBeforeUpdateList());
  hooks.setAfterUpdateList(given.getAfterUpdateList());
  hooks.setBeforeDeleteList(given.getBeforeDeleteList());
  hooks.setAfterDeleteList(given.getAfterDeleteList());
  message.setResourceHooks(hooks);
}
