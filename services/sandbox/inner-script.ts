/** Where things are inside a sandbox. */
export const INSIDE = {
  workspace: "/workspace",
  gatewaySocket: "/run/gateway.sock",
  /** passwd and group with this sandbox's user, linked from /etc. */
  identity: "/run/identity",
  nodeDir: "/opt/node",
  /** The command's variables, as lines for a shell. */
  variables: "/run/variables",
  /** What a task is given of its workspace's credentials. */
  credentials: "/run/credentials",
  proxyPort: 3128,
} as const;

/** What the script tells on its status descriptor: one of these, before the command itself runs. */
export const STATUS = { started: "s", noFolder: "d", outside: "o", notFound: "n", noProxy: "p" } as const;
export const STATUS_FD = 5;

/**
 * Runs inside the sandbox, as the workspace's user with no capability left, until the command takes its place. What
 * the caller chose (variables, arguments) is not in effect before: an LD_PRELOAD of his must not reach setpriv.
 *
 * The forwarder says when it listens: the script waits for that line and then lets go of the pipe that it came by
 * (hence the ignored SIGPIPE). Looking at /proc/net/tcp again and again took 3 ms more.
 *
 * Arguments: largest file in 512-byte blocks; processes and KiB of data, each empty for no limit; `net` or empty;
 * folder; the command. Its variables are in a file.
 *
 * @param processLimit how this machine's `ulimit` calls the number of processes
 */
export const innerScript = (processLimit: "u" | "p") => `umask 022
ulimit -c 0
ulimit -f "$1" || exit 125
[ -z "$2" ] || ulimit -${processLimit} "$2" || exit 125
[ -z "$3" ] || ulimit -d "$3" || exit 125
_net=$4 _folder=$5
shift 5
_tell() { echo $1 >&${STATUS_FD}; }
_start() {
  cd -P -- "$_folder" 2>/dev/null || { _tell ${STATUS.noFolder}; exit 125; }
  case $PWD/ in ${INSIDE.workspace}/*) ;; *) _tell ${STATUS.outside}; exit 125 ;; esac
  unset OLDPWD
  . ${INSIDE.variables}
  command -v -- "$1" >/dev/null || { _tell ${STATUS.notFound}; exit 127; }
  _tell ${STATUS.started}
  exec "$@" ${STATUS_FD}>&-
}
[ -n "$_net" ] || _start "$@"
exec 7<&0
( trap '' PIPE; exec socat -d -d TCP-LISTEN:${INSIDE.proxyPort},bind=127.0.0.1,fork,backlog=128,reuseaddr \\
  UNIX-CONNECT:${INSIDE.gatewaySocket} 2>&1 </dev/null ${STATUS_FD}>&- 7<&- & ) | {
  while read -r _line; do
    case $_line in *' listening on '*) exec <&7 7<&-; _start "$@" ;; esac
  done
  _tell ${STATUS.noProxy}
  exit 125
}
`;
