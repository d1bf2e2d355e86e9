// The health check of a service's container: its /readyz, on HEALTH_PORT or, for the API, PORT.
const { HEALTH_PORT, PORT } = process.env;
const response = await fetch(`http://127.0.0.1:${HEALTH_PORT ?? PORT}/readyz`);
process.stdout.write(await response.text());
if (!response.ok) process.exitCode = 1;
