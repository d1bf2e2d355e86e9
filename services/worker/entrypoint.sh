#!/bin/sh
# Starts the worker as uid 1000, whoever the container was started as. A volume may arrive owned by root: the mount
# point is given to uid 1000 then, and nothing below it is touched, however much there is.
set -eu

user=1000
workspaces=${WORKSPACES_DIR:-/workspaces}
runtime=${RUNTIME_DIR:-/run/automatos}

# EX_CONFIG of sysexits.h: starting again does not help
fail() {
  echo "worker: $*" >&2
  exit 78
}

if [ "$(id -u)" = 0 ]; then
  for folder in "$workspaces" "$runtime"; do
    mkdir -p "$folder" || fail "$folder cannot be made; mount a volume there"
    [ "$(stat -c %u:%g "$folder")" = "$user:$user" ] || chown "$user:$user" "$folder" ||
      fail "$folder cannot be given to uid $user; make it so where the volume is kept, or allow the container CAP_CHOWN"
  done
  # no capability is left, and none can come back
  exec setpriv --reuid "$user" --regid "$user" --clear-groups --bounding-set -all --inh-caps -all --ambient-caps -all \
    --no-new-privs -- sh "$0" "$@"
fi

for folder in "$workspaces" "$runtime"; do
  [ -d "$folder" ] || fail "$folder is not there; mount a volume or a tmpfs at it"
  [ -w "$folder" ] && [ -x "$folder" ] ||
    fail "$folder belongs to $(stat -c %u:%g "$folder") and uid $(id -u) cannot write to it; start the container as root," \
      "which gives the mount point to uid $user, or give it to uid $(id -u) where the volume is kept"
done
exec "$@"
