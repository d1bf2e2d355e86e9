import { describeSandbox } from "../../contract/sandbox.contract.ts";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";

describeSandbox("bubblewrap", ({ runtimeDir }) => createSandbox("bubblewrap", { runtimeDir }));
