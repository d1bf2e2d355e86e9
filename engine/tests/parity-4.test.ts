import { describeParity } from "./parity/describe-parity.ts";

describeParity(4, 4);
