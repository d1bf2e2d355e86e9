export { gcp, gcpPermissions } from "./gcp.ts";
