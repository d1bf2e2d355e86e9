/** `--event-log tcp://<host:port>`: events as a stream of Pulumi's Events service. */
import * as grpc from "@grpc/grpc-js";
import eventsGrpc from "@pulumi/pulumi/proto/events_grpc_pb.js";
import eventsPb from "@pulumi/pulumi/proto/events_pb.js";
import type { EventSink } from "./event-sink.ts";

/** How long a server may take to say that it has all events. */
const CLOSE_GRACE_MS = 10_000;

/**
 * Who listens may go away: the operation goes on without him, as with Pulumi.
 * @param warn Told once, when the server cannot be reached or is gone.
 */
export function openEventStream(address: string, warn: (message: string) => void): EventSink {
  const client = new eventsGrpc.EventsClient(address, grpc.credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
  });
  let answered: () => void = () => undefined;
  const answer = new Promise<void>((resolve) => (answered = resolve));
  let isGone = false;
  const stream = client.streamEvents((error) => {
    if (error !== null) {
      isGone = true;
      warn(`the event log server at ${address} is gone: ${error.details}`);
    }
    answered();
  });
  // what goes wrong is told by the answer
  stream.on("error", () => undefined);
  return {
    write: (event) => {
      if (isGone) return;
      const request = new eventsPb.EventRequest();
      request.setEvent(JSON.stringify(event));
      stream.write(request);
    },
    close: async () => {
      if (!isGone) stream.end();
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_GRACE_MS)));
      await Promise.race([answer, grace]);
      clearTimeout(timer);
      stream.cancel();
      client.close();
    },
  };
}
