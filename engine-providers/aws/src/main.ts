import { serveProvider } from "@automatos/provider-plugin";
import { RehearsedProvider } from "@automatos/provider-rehearsal";
import { aws } from "./aws.ts";

await serveProvider(new RehearsedProvider(aws));
