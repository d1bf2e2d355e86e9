import { describeParity } from "./parity/describe-parity.ts";

describeParity(2, 4);
