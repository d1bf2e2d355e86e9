import type { OperationRequest } from "../../model.ts";

/** What the protocol's messages that tell of the run have in common. */
interface RunInfo {
  setProject(project: string): unknown;
  setStack(stack: string): unknown;
  setOrganization(organization: string): unknown;
  getConfigMap(): { set(key: string, value: string): unknown };
  setConfigsecretkeysList(keys: string[]): unknown;
  setDryrun(dryRun: boolean): unknown;
  setParallel(parallel: number): unknown;
}

/** Tells a program or a component which stack this is, its configuration, and how it is run. */
export function setRunInfo(message: RunInfo, request: OperationRequest): void {
  message.setProject(request.project);
  message.setStack(request.stack);
  message.setOrganization(request.organization);
  for (const [key, { value }] of request.config) message.getConfigMap().set(key, value);
  message.setConfigsecretkeysList([...request.config].filter(([, { secret }]) => secret).map(([key]) => key));
  message.setDryrun(request.dryRun);
  message.setParallel(request.parallel);
}
