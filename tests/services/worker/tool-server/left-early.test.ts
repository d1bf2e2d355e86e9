import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ToolPolicy } from "../../../../contracts/tools.ts";
import { signCallGrant } from "../../../../services/runtime/task-token.ts";
import { startToolServer, type TestToolServer } from "../../../support/tool-server.ts";

const KEY = new Uint8Array(32).fill(7);

describe("a terminal whose caller leaves before it is opened", () => {
  let server: TestToolServer;
  let preparing: PromiseWithResolvers<undefined>;
  let prepared: PromiseWithResolvers<undefined>;

  beforeEach(async () => {
    preparing = Promise.withResolvers();
    prepared = Promise.withResolvers();
    server = await startToolServer({
      grantKey: KEY,
      workspaceDir: "/nonexistent",
      prepare: async () => {
        preparing.resolve(undefined);
        await prepared.promise;
      },
    });
  });
  afterEach(async () => {
    await server.close(0);
  });

  const askForTerminal = async () => {
    const grant = {
      callId: randomUUID(),
      workspaceId: "11111111-1111-4111-8111-111111111111",
      uid: 60_001,
      plan: "starter" as const,
      createdAt: new Date().toISOString(),
      quotaBytes: 1_000_000,
      maxCalls: 1,
      toolPolicy: ToolPolicy.parse({}),
    };
    const token = await signCallGrant(grant, KEY);
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      "GET /v1/terminal?columns=80&rows=24&term=xterm HTTP/1.1\r\nHost: worker\r\nConnection: Upgrade\r\n" +
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        `Authorization: Bearer ${token}\r\n\r\n`,
    );
    return socket;
  };

  for (const leave of ["destroy", "resetAndDestroy"] as const) {
    it(`gives back its slot, its terminal and its quota watch (${leave})`, async () => {
      const socket = await askForTerminal();
      await preparing.promise;
      socket[leave]();
      await once(socket, "close");
      // The server sees it before the workspace is ready: its own end of a connection made later closes after.
      const later = connect(Number(new URL(server.url).port), "127.0.0.1");
      later.end("GET /v1/none HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n");
      later.resume();
      await once(later, "close");
      prepared.resolve(undefined);
      await server.close(60_000); // waits for every slot that is taken
      assert.equal(server.watched, 0);
    });
  }
});
