import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { freePorts } from "../support/ports.ts";
import { makeCheckout, type Checkout } from "../support/checkout.ts";

describe("the first run, from a checkout", () => {
  let checkout: Checkout;
  let ports: { api: number; worker: number; gateway: number; postgres: number };
  let filesBefore: string[];

  before(async () => {
    const [api = 0, worker = 0, gateway = 0, postgres = 0] = await freePorts(4);
    ports = { api, worker, gateway, postgres };
    checkout = await makeCheckout(ports);
    filesBefore = await checkout.files();
  });

  after(async () => {
    await checkout.npm("run", "down");
    await checkout.remove();
  });

  const isUp = async (port: number): Promise<boolean> => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    } catch {
      return false;
    }
  };
  const pidOf = async (service: string): Promise<number> => {
    const found = (await checkout.processes()).filter(({ command }) => command.includes(`services/${service}/main.ts`));
    assert.equal(found.length, 1, JSON.stringify(found));
    return found[0]?.pid ?? 0;
  };

  it("says who has a port that is taken, and starts nothing", async () => {
    const server = createServer().listen(ports.api, "127.0.0.1");
    await once(server, "listening");
    try {
      const { code, output } = await checkout.npm("start");
      assert.notEqual(code, 0, output);
      assert.match(output, new RegExp(`${(server.address() as AddressInfo).port}`));
      assert.match(output, /ports\.api/);
      assert.deepEqual(await checkout.processes(), []);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("provisions the stack with one command, runs two tasks and leaves the platform running", async () => {
    const { code, output } = await checkout.npm("start");
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`http://127\\.0\\.0\\.1:${ports.api}`));
    assert.match(output, /cloned/);
    assert.match(output, /fetched/);
    assert.match(output, /automatos task run/);
    assert.ok((await isUp(ports.api)) && (await isUp(ports.worker)) && (await isUp(ports.gateway)));
    assert.deepEqual(await checkout.files(), filesBefore);
  });

  it("changes nothing when it is started again", async () => {
    const before = await checkout.processes();
    const { code, output } = await checkout.npm("start");
    assert.equal(code, 0, output);
    const pids = (list: { pid: number; command: string }[]) =>
      list.filter(({ command }) => command.includes("main.ts")).map(({ pid }) => pid);
    assert.deepEqual(pids(await checkout.processes()), pids(before));
    assert.deepEqual(await checkout.files(), filesBefore);
  });

  it("finds a killed worker and a killed API and starts them again", async () => {
    const [worker, api, gateway] = [await pidOf("worker"), await pidOf("api"), await pidOf("gateway")];
    process.kill(worker, "SIGKILL");
    process.kill(api, "SIGKILL");
    const { code, output } = await checkout.npm("start");
    assert.equal(code, 0, output);
    assert.notEqual(await pidOf("worker"), worker);
    assert.notEqual(await pidOf("api"), api);
    assert.equal(await pidOf("gateway"), gateway);
    assert.ok((await isUp(ports.api)) && (await isUp(ports.worker)));
  });

  it("comes down with one command and leaves no process and no file", async () => {
    const { code, output } = await checkout.npm("run", "down");
    assert.equal(code, 0, output);
    assert.deepEqual(await checkout.processes(), []);
    assert.deepEqual(await checkout.files(), filesBefore);
  });
});
