/**
 * A variable of another service, as Railway puts it in when it starts a deployment.
 * Source: docs.railway.com/reference/variables, "Template syntax": `${{NAMESPACE.VAR}}`, NAMESPACE is the service's name.
 */
export const reference = (service: string, variable: string): string => `\${{${service}.${variable}}}`;

/** The name by which other services of the project reach a service, over the private network alone. */
export const privateHost = (service: string): string => reference(service, "RAILWAY_PRIVATE_DOMAIN");

/** Among a service's variables, it says which stack they are of. */
export const OWNER_VARIABLE = "AUTOMATOS_STACK";
