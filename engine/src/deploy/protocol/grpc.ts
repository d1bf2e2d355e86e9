/** Servers and clients with the limits that Pulumi's SDK uses, and promises in place of callbacks. */
import * as grpc from "@grpc/grpc-js";
import { DeploymentError, messageOf, ShutdownError } from "../errors.ts";
import { RpcError } from "./rpc-error.ts";

const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

export const CHANNEL_OPTIONS = {
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
} as const;

export const SERVER_OPTIONS = {
  ...CHANNEL_OPTIONS,
  // A program that blocks its event loop may leave a message waiting for minutes.
  "grpc.server_max_unrequested_time_in_server": 30 * 60,
} as const;

/** Listens on a free port of the loopback. */
export async function listen(server: grpc.Server): Promise<string> {
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return `127.0.0.1:${port}`;
}

/** A unary handler from an async function; what it throws becomes the call's status. */
export function unary<Request, Response>(
  handle: (request: Request) => Promise<Response> | Response,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => handle(call.request))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback({ code: statusOf(error), details: messageOf(error) }),
      );
  };
}

function statusOf(error: unknown): grpc.status {
  if (error instanceof ShutdownError) return grpc.status.UNAVAILABLE;
  if (error instanceof DeploymentError && error.code === "NOT_SUPPORTED") return grpc.status.UNIMPLEMENTED;
  return grpc.status.UNKNOWN;
}

type Callback<Response> = (error: grpc.ServiceError | null, response: Response) => void;

/** `await call((done) => client.check(request, done))` @throws RpcError */
export function call<Response>(start: (callback: Callback<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => {
      if (error) reject(new RpcError(error));
      else resolve(response);
    });
  });
}

export function isServiceError(error: unknown): error is grpc.ServiceError {
  return error instanceof Error && "code" in error && "details" in error && "metadata" in error;
}
