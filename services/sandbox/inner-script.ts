/** Where things are inside a sandbox. */
export const INSIDE = {
  workspace: "/workspace",
  gatewaySocket: "/run/gateway.sock",
  /** passwd and group with this sandbox's user, linked from /etc. */
  identity: "/run/identity",
  nodeDir: "/opt/node",
  proxyPort: 3128,
} as const;

/** What the script tells on its status descriptor: one of these, before the command itself runs. */
export const STATUS = { started: "s", noFolder: "d", outside: "o", notFound: "n", noProxy: "p" } as const;
export const STATUS_FD = 5;

/** The forwarder is looked for so often; each look takes some 50 µs, in which it gets on with starting. */
const MAX_LOOKS = 50_000;
/** Local address and state of its socket in /proc/net/tcp: 127.0.0.1 and its port, LISTEN. */
const LISTENING = `0100007F:${INSIDE.proxyPort.toString(16).toUpperCase().padStart(4, "0")}0A`;

/**
 * Runs inside the sandbox, as the workspace's user with no capability left, until the command takes its place. What
 * the caller chose (variables, arguments) is not in effect before: an LD_PRELOAD of his must not reach setpriv.
 *
 * Arguments: largest file in 512-byte blocks; processes and KiB of data, each empty for no limit; `net` or empty;
 * folder; number of variables; so many `NAME=value`; the command.
 *
 * @param processLimit how this machine's `ulimit` calls the number of processes
 */
export const innerScript = (processLimit: "u" | "p") => `umask 022
ulimit -c 0
ulimit -f "$1" || exit 125
[ -z "$2" ] || ulimit -${processLimit} "$2" || exit 125
[ -z "$3" ] || ulimit -d "$3" || exit 125
_net=$4 _folder=$5 _variables=$6
shift 6
if [ -n "$_net" ]; then
  ( socat TCP-LISTEN:${INSIDE.proxyPort},bind=127.0.0.1,fork,backlog=128,reuseaddr UNIX-CONNECT:${INSIDE.gatewaySocket} </dev/null >/dev/null 2>&1 ${STATUS_FD}>&- & )
  _looks=0 _seen=
  until [ -n "$_seen" ]; do
    [ $_looks -lt ${MAX_LOOKS} ] || { echo ${STATUS.noProxy} >&${STATUS_FD}; exit 125; }
    _looks=$((_looks + 1))
    while read -r _ _local _ _state _; do
      [ "$_local$_state" != ${LISTENING} ] || _seen=1
    done </proc/net/tcp
  done
fi
cd -P -- "$_folder" 2>/dev/null || { echo ${STATUS.noFolder} >&${STATUS_FD}; exit 125; }
case $PWD/ in ${INSIDE.workspace}/*) ;; *) echo ${STATUS.outside} >&${STATUS_FD}; exit 125 ;; esac
unset OLDPWD
while [ "$_variables" -gt 0 ]; do
  export "$1"
  shift
  _variables=$((_variables - 1))
done
command -v -- "$1" >/dev/null || { echo ${STATUS.notFound} >&${STATUS_FD}; exit 127; }
echo ${STATUS.started} >&${STATUS_FD}
exec "$@" ${STATUS_FD}>&-
`;
