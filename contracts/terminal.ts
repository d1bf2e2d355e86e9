import { z } from "zod";

/** Names the protocol; a browser's ticket is offered beside it, as `ticket.<ticket>`. */
export const TERMINAL_PROTOCOL = "automatos-terminal.v1";
export const TICKET_PREFIX = "ticket.";

const size = z.int().min(1).max(1_000);

/** How a terminal begins; as the query of the WebSocket's address. */
export const TerminalQuery = z.strictObject({
  columns: z.coerce.number().pipe(size).default(80),
  rows: z.coerce.number().pipe(size).default(24),
  term: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/)
    .default("xterm-256color")
    .describe("The kind of terminal that the caller shows: TERM of the shell."),
});
export type TerminalQuery = z.infer<typeof TerminalQuery>;

/** What the caller says in text messages; binary messages are what is typed, as bytes. */
export const TerminalRequest = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("resize"),
    columns: size,
    rows: size,
  }),
]);
export type TerminalRequest = z.infer<typeof TerminalRequest>;

/** What is said to the caller in text messages; binary messages are what the terminal shows, as bytes. */
export const TerminalMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready"), callId: z.uuid() }),
  z.strictObject({
    type: z.literal("exit"),
    exitCode: z.int().nullable().describe("Of the shell; null when a signal ended it."),
    signal: z.string().nullable(),
  }),
  z.strictObject({
    type: z.literal("error"),
    code: z.string(),
    message: z.string(),
    remedy: z.string(),
  }),
]);
export type TerminalMessage = z.infer<typeof TerminalMessage>;

/** Lets a browser, which cannot send a bearer token with a WebSocket, open one terminal. */
export const TerminalTicket = z.strictObject({
  ticket: z.string().describe("Good once, offered as the WebSocket's subprotocol `ticket.<ticket>`."),
  expiresAt: z.iso.datetime(),
});
export type TerminalTicket = z.infer<typeof TerminalTicket>;
