import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** An authority of a test's own, and a certificate of it for `localhost` and 127.0.0.1. */
export interface TestCertificates {
  /** What a client must trust, as a file in PEM. */
  readonly caFile: string;
  readonly key: string;
  readonly cert: string;
}

/** Makes them with openssl, in a folder of the caller's. */
export async function makeCertificates(folder: string): Promise<TestCertificates> {
  const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-subj",
    "/CN=test authority",
    "-days",
    "2",
  );
  await openssl("req", "-new", ...newKey, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  await writeFile(join(folder, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  await openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...signed);
  return {
    caFile: join(folder, "ca.pem"),
    key: await readFile(join(folder, "server.key"), "utf8"),
    cert: await readFile(join(folder, "server.pem"), "utf8"),
  };
}
