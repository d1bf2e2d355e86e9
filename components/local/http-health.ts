import { get } from "node:http";

/** Whether a service on this machine says that it can work: 200 on `/readyz` within `timeoutMs`. Never throws. */
export async function isHttpReady(port: number, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/readyz", agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => {
      resolve(false);
    });
  });
}
