import type { WorkerEnv } from "../../../contracts/service-env.ts";
import type { Logger } from "../../runtime/logger.ts";
import { taskTokenKey, verifyTaskToken } from "../../runtime/task-token.ts";
import { GatewayRelay } from "./gateway-relay.ts";
import type { GatewayWay } from "./gateway-way.ts";

/** The gateway's own socket, where it is on this machine; otherwise one of this worker's, which leads to its address. */
export function gatewayWay(env: WorkerEnv, log: Logger): GatewayWay {
  const { GATEWAY_SOCKET: socketPath, GATEWAY_ADDRESS: gateway } = env;
  if (gateway !== undefined) {
    const key = taskTokenKey(env.TASK_TOKEN_KEY);
    const taskOf = async (token: string) => (await verifyTaskToken(token, key)).taskId;
    return new GatewayRelay({ runtimeDir: env.RUNTIME_DIR, gateway, taskOf, log });
  }
  if (socketPath === undefined) throw new Error("WorkerEnv lets no environment pass that has no way to the gateway");
  return { socketPath, start: async () => undefined, check: () => undefined, close: async () => undefined };
}
