import { boolean, functionType, string } from "@automatos/provider-plugin";
import type { FunctionType } from "@automatos/provider-plugin";
import type { Daemon } from "../daemon/daemon.ts";
import { readLogs } from "../resources/container/logs.ts";

/** `docker:index/getLogs:getLogs`: what a container printed, by its name or id. */
export function getLogs(daemon: Daemon): FunctionType {
  return functionType({
    inputs: {
      name: string({ required: true }),
      showStdout: boolean({ default: true }),
      showStderr: boolean({ default: true }),
      timestamps: boolean({ default: false }),
      details: boolean({ default: false }),
      follow: boolean({ default: false }),
      tail: string({
        default: "all",
        validate: (text) =>
          /^(all|\d+)$/.test(text) ? undefined : `is ${JSON.stringify(text)}, neither all nor a number`,
      }),
      since: string(),
      until: string(),
      logsListStringEnabled: boolean({ default: true }),
      /** The stream's own framing is never in the lines. */
      discardHeaders: boolean({ default: true }),
    },
    async invoke(args) {
      const text = await readLogs(daemon, args.name, {
        follow: args.follow,
        stdout: args.showStdout,
        stderr: args.showStderr,
        timestamps: args.timestamps,
        details: args.details,
        tail: args.tail === "all" ? undefined : Number(args.tail),
        since: args.since,
        until: args.until,
      });
      const lines = text.split("\n");
      if (lines.at(-1) === "") lines.pop();
      const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
      return { ...given, id: args.name, logsListStrings: args.logsListStringEnabled ? lines : [] };
    },
  });
}
