import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { WebSocket } from "ws";
import {
  TERMINAL_PROTOCOL,
  TerminalMessage,
  TICKET_PREFIX,
  type TerminalTicket,
} from "../../../../contracts/terminal.ts";
import { startPlatform, type TestPlatform } from "../../../support/platform.ts";
import { processes, until } from "./watching.ts";

/** A terminal as a client has it. */
interface Terminal {
  readonly socket: WebSocket;
  readonly messages: TerminalMessage[];
  shown(): string;
  type(text: string): void;
  resize(columns: number, rows: number): void;
  readonly closed: Promise<number>;
}

describe("a terminal over a WebSocket", () => {
  let platform: TestPlatform;
  let workspaceId: string;
  let token: string;

  before(async () => {
    platform = await startPlatform({ planLimits: { pro: { maxToolCalls: 8 } } });
    ({ workspaceId, token } = await tenant());
  });
  after(() => platform.stop());

  async function tenant() {
    const id = await platform.createWorkspace();
    const created = await platform.request<{ token: string }>("POST", `/api/workspaces/${id}/tokens`, { name: "test" });
    return { workspaceId: id, token: created.token };
  }

  const address = (id = workspaceId) => `${platform.apiUrl.replace("http", "ws")}/api/workspaces/${id}/terminal`;

  async function open(options: { headers?: Record<string, string>; protocols?: string[]; query?: string } = {}) {
    const headers = options.headers ?? { authorization: `Bearer ${token}` };
    const socket = new WebSocket(address() + (options.query ?? ""), options.protocols ?? [TERMINAL_PROTOCOL], {
      headers,
    });
    const chunks: Buffer[] = [];
    const messages: TerminalMessage[] = [];
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) chunks.push(data);
      else messages.push(TerminalMessage.parse(JSON.parse(data.toString())));
    });
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    await once(socket, "open");
    const terminal: Terminal = {
      socket,
      messages,
      closed,
      shown: () => Buffer.concat(chunks).toString(),
      type: (text) => socket.send(Buffer.from(text)),
      resize: (columns, rows) => socket.send(JSON.stringify({ type: "resize", columns, rows })),
    };
    return terminal;
  }

  /** The status with which a terminal is refused. */
  async function refusal(headers: Record<string, string>, protocols: string[] = [], id = workspaceId): Promise<number> {
    const socket = new WebSocket(address(id), protocols, { headers });
    socket.on("error", () => undefined);
    const status = await new Promise<number>((resolve, reject) => {
      socket.once("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
      socket.once("open", () => reject(new Error("it was opened")));
    });
    socket.terminate();
    return status;
  }

  it("is a real one: job control, size, UTF-8, the shell's exit code", async () => {
    const terminal = await open({ query: "?columns=91&rows=17&term=xterm" });
    terminal.type("stty size; echo T=$TERM; tty; test -t 0 && echo is-a-tty; id -u\r");
    await until(() => terminal.shown().includes("17 91\r\nT=xterm") && terminal.shown().includes("is-a-tty"));
    assert.ok(!terminal.shown().includes("\n0\r\n"), "not root");
    terminal.resize(120, 40);
    terminal.type("stty size\r");
    await until(() => terminal.shown().includes("40 120"));
    terminal.type("echo 'grüße 🚀'; touch ~/made && echo wrote\r");
    await until(() => terminal.shown().includes("grüße 🚀\r\nwrote"));
    terminal.type("sleep 1000 & jobs; fg\r");
    await until(() => /Running +sleep 1000/.test(terminal.shown()));
    terminal.type("\x03");
    terminal.type("\recho after-$((6 * 7))\r");
    await until(() => terminal.shown().includes("after-42"));
    terminal.type("exit 7\r");
    await terminal.closed;
    assert.equal(terminal.messages[0]?.type, "ready");
    assert.deepEqual(terminal.messages.at(-1), { type: "exit", exitCode: 7, signal: null });
  });

  it("sees no other terminal, and pushes nothing into a person's", async () => {
    const [one, two] = [await open(), await open()];
    two.type("ls -l /proc/self/fd; ls /dev/pts; echo listed-$((1 + 1))\r");
    await until(() => two.shown().includes("listed-2"));
    assert.ok(!two.shown().includes("/dev/ptmx"), two.shown());
    const push = "import fcntl,termios; fcntl.ioctl(0, termios.TIOCSTI, b'x')";
    one.type(`python3 -c "${push}"; echo tried-$((1 + 2))\r`);
    await until(() => one.shown().includes("tried-3"));
    assert.match(one.shown(), /Operation not permitted|Input\/output error|Permission denied/);
    for (const terminal of [one, two]) terminal.socket.close();
    await Promise.all([one.closed, two.closed]);
  });

  it("is hidden from commands that run beside it", async () => {
    const terminal = await open();
    terminal.type("echo there-$((1 + 1))\r");
    await until(() => terminal.shown().includes("there-2"));
    const answer = await platform.request<{ output: { stdout: string } }>(
      "POST",
      `/api/workspaces/${workspaceId}/exec`,
      {
        argv: ["ls", "-l", "/proc/self/fd"],
      },
    );
    assert.ok(!answer.output.stdout.includes("ptmx"), answer.output.stdout);
    terminal.socket.close();
    await terminal.closed;
  });

  it("kills all that runs in it when its socket closes, however it closes", async () => {
    for (const end of ["close", "terminate"] as const) {
      const mark = `${5_000_000 + Math.floor(Math.random() * 1_000_000)}`;
      const terminal = await open();
      terminal.type(`sleep ${mark} & nohup setsid sleep ${mark} & sleep ${mark}\r`);
      await until(() => processes(`sleep ${mark}`).length >= 3);
      terminal.socket[end]();
      await until(() => processes(`sleep ${mark}`).length === 0);
    }
  });

  it("holds back what its reader does not take, and takes Ctrl-C meanwhile", async () => {
    const terminal = await open();
    terminal.type("echo begun; yes 0123456789\r");
    await until(() => terminal.shown().includes("begun"));
    terminal.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 300)); // so long nothing is taken; nothing is asserted of it
    terminal.type("\x03");
    terminal.socket.resume();
    terminal.type("echo end-$((20 + 3))\r");
    await until(() => terminal.shown().includes("end-23"));
    terminal.socket.close();
    await terminal.closed;
  });

  it("opens for a ticket once, as a browser offers it", async () => {
    const give = () =>
      platform.request<TerminalTicket>("POST", `/api/workspaces/${workspaceId}/terminal`, undefined, token);
    const { ticket } = await give();
    const protocols = [TERMINAL_PROTOCOL, TICKET_PREFIX + ticket];
    const origin = platform.apiUrl;
    const terminal = await open({ headers: { origin }, protocols });
    assert.equal(terminal.socket.protocol, TERMINAL_PROTOCOL);
    terminal.socket.close();
    await terminal.closed;
    assert.equal(await refusal({ origin }, protocols), 401, "a second time");
    assert.equal(
      await refusal({ origin: "https://evil.example" }, [TERMINAL_PROTOCOL, TICKET_PREFIX + (await give()).ticket]),
      403,
    );
    const other = await tenant();
    const foreign = [TERMINAL_PROTOCOL, TICKET_PREFIX + (await give()).ticket];
    assert.equal(await refusal({}, foreign, other.workspaceId), 404);
    assert.equal(await refusal({ authorization: `Bearer ${other.token}` }), 404);
    assert.equal(await refusal({}), 401);
  });

  it("ends when the token that opened it is revoked, by itself or by a ticket", async () => {
    const created = await platform.request<{ tokenId: string; token: string }>(
      "POST",
      `/api/workspaces/${workspaceId}/tokens`,
      { name: "short-lived" },
    );
    const mark = `${6_000_000 + Math.floor(Math.random() * 1_000_000)}`;
    const route = `/api/workspaces/${workspaceId}/terminal`;
    const { ticket } = await platform.request<TerminalTicket>("POST", route, undefined, created.token);
    const byTicket = await open({ headers: {}, protocols: [TERMINAL_PROTOCOL, TICKET_PREFIX + ticket] });
    const direct = await open({ headers: { authorization: `Bearer ${created.token}` } });
    const other = await open();
    direct.type(`sleep ${mark}\r`);
    await until(() => processes(`sleep ${mark}`).length === 1);
    await platform.request("DELETE", `/api/workspaces/${workspaceId}/tokens/${created.tokenId}`);
    assert.deepEqual(await Promise.all([direct.closed, byTicket.closed]), [1008, 1008]);
    await until(() => processes(`sleep ${mark}`).length === 0);
    other.type("echo still-$((40 + 2))\r");
    await until(() => other.shown().includes("still-42"));
    other.socket.close();
    await other.closed;
  });

  it("counts among the workspace's calls, and is refused like any other call", async () => {
    const opened: Terminal[] = [];
    let refused: unknown;
    while (refused === undefined && opened.length <= 8) {
      await open().then(
        (terminal) => opened.push(terminal),
        (error: unknown) => (refused = error),
      );
    }
    assert.match(String(refused), /429/);
    for (const terminal of opened) terminal.socket.close();
    await Promise.all(opened.map((terminal) => terminal.closed));
    await until(async () => {
      const terminal = await open().catch(() => undefined); // slots are given back once nothing is left running
      terminal?.socket.close();
      return terminal !== undefined;
    });
    const plain = await fetch(address().replace("ws", "http"), { headers: { authorization: `Bearer ${token}` } });
    assert.equal(plain.status, 426);
  });

  it("closes on a message that it does not know", async () => {
    const terminal = await open();
    terminal.socket.send("not json");
    assert.equal(await terminal.closed, 1008);
  });

  it("ends with its worker", async () => {
    const terminal = await open();
    terminal.type("echo there-$((1 + 1))\r");
    await until(() => terminal.shown().includes("there-2"));
    await platform.workers[0]?.kill();
    assert.equal(await terminal.closed, 1011);
    await platform.workers[0]?.start();
  });
});
