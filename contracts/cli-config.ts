import { z } from "zod";

/** `.automatos/cli.json`: where the command line finds the API. Written by `npm start` with mode 0600. */
export const CliConfig = z.strictObject({
  apiUrl: z.url({ protocol: /^https?$/ }),
  token: z.string().min(1),
  workspaceId: z.uuid().optional().describe("The workspace meant where a command names none."),
});
export type CliConfig = z.infer<typeof CliConfig>;
