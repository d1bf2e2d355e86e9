import { describeParity } from "./parity/describe-parity.ts";

describeParity(3, 4);
