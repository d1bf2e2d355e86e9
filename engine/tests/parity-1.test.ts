import { describeParity } from "./parity/describe-parity.ts";

describeParity(1, 4);
