import { describeModels } from "../../rehearsal/tests/support/model-rules.ts";
import { gcp } from "../src/index.ts";

describeModels(gcp, { project: "acme", region: "europe-west3", zone: "europe-west3-a" });
