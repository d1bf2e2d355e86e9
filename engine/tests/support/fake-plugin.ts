/** The provider plugin of engine/tests/deploy, for the `pulumi` command. */
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Sandbox } from "./pulumi.ts";

const plugin = fileURLToPath(new URL("../deploy/support/fake-plugin.mjs", import.meta.url));

/** A sandbox with a stack `dev`, whose PATH has the plugin `fake`; it writes what it is asked to FAKE_LEDGER. */
export async function withFakePlugin(program = ""): Promise<Sandbox> {
  const sandbox = await Sandbox.create({ program });
  const bin = join(sandbox.folder, "bin");
  await mkdir(bin);
  await symlink(plugin, join(bin, "pulumi-resource-fake"));
  await chmod(plugin, 0o755);
  sandbox.env["PATH"] = `${bin}${delimiter}${sandbox.env["PATH"] ?? ""}`;
  sandbox.env["FAKE_LEDGER"] = join(sandbox.folder, "ledger");
  await writeFile(sandbox.env["FAKE_LEDGER"], "");
  await sandbox.succeed("stack init dev");
  return sandbox;
}
