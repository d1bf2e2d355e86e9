import type { WorkerEnv } from "../../../contracts/service-env.ts";
import type { Logger } from "../../runtime/logger.ts";
import { taskTokenKey, verifyTaskToken } from "../../runtime/task-token.ts";
import { GatewayRelay } from "./gateway-relay.ts";

/** How this worker's sandboxes reach the gateway: always a Unix socket. */
export interface GatewayWay {
  readonly socketPath: string;
  start(): Promise<void>;
  /** @throws while nothing can come this way. */
  check(): void;
  close(): Promise<void>;
}

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
