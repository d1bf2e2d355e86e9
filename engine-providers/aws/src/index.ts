export { aws, awsPermissions } from "./aws.ts";
