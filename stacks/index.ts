import { loadConfig } from "./load-config.ts";
import { local } from "./local.ts";
import { notBuiltYet } from "./not-built-yet.ts";
import type { StackOutputs } from "./stack-outputs.ts";

/** The program of every stack: its configuration's phase decides what is built. */
export default async function stack(): Promise<StackOutputs> {
  const config = loadConfig();
  switch (config.phase) {
    case "local":
      return local(config);
    case "pilot":
      // only here, so that the other phases load no SDK of Docker
      return config.target === "railway"
        ? (await import("./pilot-railway.ts")).pilotRailway(config)
        : (await import("./pilot.ts")).pilot(config);
    case "scale":
    case "dedicated":
    case "byoc":
    case "airgapped":
      return notBuiltYet(config.phase);
  }
}
