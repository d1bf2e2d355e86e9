/** Functions of the program that the engine may call: transforms and hooks. */
import * as grpc from "@grpc/grpc-js";
import callbackGrpc from "@pulumi/pulumi/proto/callback_grpc_pb.js";
import callbackPb from "@pulumi/pulumi/proto/callback_pb.js";
import type { Callback, CallbackInvokeResponse } from "@pulumi/pulumi/proto/callback_pb.js";
import { call, CHANNEL_OPTIONS } from "./grpc.ts";

interface Message {
  serializeBinary: () => Uint8Array;
}

export class Callbacks {
  readonly #clients = new Map<string, callbackGrpc.CallbacksClient>();

  /** The bytes of what the program's function answered. */
  async invoke(callback: Callback, message: Message): Promise<Uint8Array> {
    const request = new callbackPb.CallbackInvokeRequest();
    request.setToken(callback.getToken());
    request.setRequest(message.serializeBinary());
    const client = this.#client(callback.getTarget());
    const response = await call<CallbackInvokeResponse>((done) => client.invoke(request, done));
    return response.getResponse_asU8();
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #client(target: string): callbackGrpc.CallbacksClient {
    let client = this.#clients.get(target);
    if (client === undefined) {
      client = new callbackGrpc.CallbacksClient(target, grpc.credentials.createInsecure(), CHANNEL_OPTIONS);
      this.#clients.set(target, client);
    }
    return client;
  }
}
