#!/bin/sh
# As the official image of PostgreSQL: makes the cluster in PGDATA where there is none, then becomes the command.
set -eu
if [ "$1" = postgres ]; then
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
    # shellcheck disable=SC2086 # words on purpose
    initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile=/tmp/password --no-sync $POSTGRES_INITDB_ARGS
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  fi
  set -- "$@" -c "listen_addresses=*" -c unix_socket_directories=/run/postgresql
fi
exec "$@"
