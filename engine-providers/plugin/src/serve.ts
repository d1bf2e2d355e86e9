/** A provider as a process: the port on standard output, and an end with the engine. */
import * as grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { Engine } from "./engine.ts";
import type { Provider } from "./provider.ts";
import { serviceOf } from "./service.ts";

/** As Pulumi's own SDKs limit messages. */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

/**
 * Serves until the engine is gone or this process is told to end. The engine's address is the process's first argument;
 * the port that it listens on (loopback) is the first line of standard output.
 */
export async function serveProvider(
  provider: Provider,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const [address] = args.filter((arg) => !arg.startsWith("-"));
  if (address === undefined || !/^[^\s]+:\d+$/.test(address)) {
    process.stderr.write(
      `this is a Pulumi provider plugin, which the engine starts with its own address as the argument; ` +
        `it was given ${address === undefined ? "none" : JSON.stringify(address)}. Run \`pulumi up\` instead\n`,
    );
    process.exitCode = 2;
    return;
  }
  const engine = new Engine(address);
  const server = new grpc.Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  server.addService(providerGrpc.ResourceProviderService, serviceOf(provider, engine));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  process.stdout.write(`${port}\n`);
  await engine.gone();
  process.exit(0);
}
