import { describeModels } from "../../rehearsal/tests/support/model-rules.ts";
import { aws } from "../src/index.ts";

describeModels(aws, { region: "eu-central-1" });
