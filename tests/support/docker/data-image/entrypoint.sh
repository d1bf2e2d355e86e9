#!/bin/sh
# As the official image of PostgreSQL: makes the cluster in PGDATA where there is none, then becomes the command. Where it
# is started as root, the folder is given to the user postgres, who does the rest.
set -eu
if [ "$1" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    install -d -m 0700 -o postgres -g postgres "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    (umask 077 && printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password)
    # shellcheck disable=SC2086 # words on purpose
    initdb --pgdata="$PGDATA" --username="${POSTGRES_USER:-postgres}" --pwfile=/tmp/password ${POSTGRES_INITDB_ARGS-}
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  fi
  set -- "$@" -c "listen_addresses=*" -c unix_socket_directories=/run/postgresql
fi
exec "$@"
