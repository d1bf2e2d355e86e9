/**
 * The variables of this machine that every program may need; all others (tokens of the person who runs the
 * deployment among them) stay with that person.
 */
const PASSED_ON = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];
const PASSED_ON_WINDOWS = ["SystemRoot", "TEMP", "TMP", "USERPROFILE", "PATHEXT", "ComSpec"];

/** The part of the deployment's environment that the processes it starts are given. */
export function hostEnvironment(): Record<string, string> {
  const names = process.platform === "win32" ? [...PASSED_ON, ...PASSED_ON_WINDOWS] : PASSED_ON;
  const environment: Record<string, string> = {};
  for (const name of names) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
