import { z } from "zod";
import type { FollowOptions } from "../../runner/task-runner.ts";
import { sseEvent } from "../event-streams.ts";

const LAG_EVERY_MS = 1_000;
/** The record's numbers end there; nothing follows it. */
const MAX_SEQUENCE = 2 ** 31 - 1;
const sequence = z
  .string()
  .regex(/^\d{1,16}$/, "must be a number of an event")
  .transform((digits) => Math.min(Number(digits), MAX_SEQUENCE));

/** Of every stream that can be taken up again. */
export const resume = {
  headers: z.looseObject({
    "last-event-id": sequence.optional().describe("Number of the last event that was seen: the next one comes first."),
  }),
};
export const after = sequence.optional().describe("As `Last-Event-ID`, which wins.");
export const eventsQuery = z.strictObject({ after });

/** One event of the stream; a field that is not there does not stand in it. */
export const eventStream = (item: string) => ({
  "text/event-stream": {
    schema: z.strictObject({
      event: z.literal("message").optional(),
      id: z.string().describe("The number to give back as `Last-Event-ID`."),
      data: z
        .string()
        .meta({ contentMediaType: "application/json", contentSchema: { $ref: `#/components/schemas/${item}` } }),
    }),
  },
});

/** Those that follow the same are given the same events: each is written out once for all of them. */
const encoded = new WeakMap<object, string>();

export function encodeEvent(event: { readonly sequence: number }): string {
  let text = encoded.get(event);
  if (text === undefined) {
    text = sseEvent(event.sequence, event);
    encoded.set(event, text);
  }
  return text;
}

/** A comment a second at most, for a follower who is far behind. */
export function tellLag(comment: (text: string) => void): NonNullable<FollowOptions["onBehind"]> {
  let toldAt = Number.NEGATIVE_INFINITY;
  return ({ events, newest }) => {
    if (performance.now() - toldAt < LAG_EVERY_MS) return;
    toldAt = performance.now();
    comment(`${events} events behind; the newest is ${newest}: follow with after=${newest} to skip to the present`);
  };
}
