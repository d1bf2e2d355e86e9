#!/bin/sh
# apt.sh PACKAGE...: installs Debian packages, leaving no lists and no caches.
#
# APT_SNAPSHOT: URL of an archive as it stood at one time, with {archive} for the last part of each source's own URL
# (debian, debian-security, ubuntu); the image's sources are untouched. Empty: the base image's own sources.
set -eu

options="-q -o Dpkg::Use-Pty=0 -o Acquire::Retries=3"
if [ -n "${APT_SNAPSHOT:-}" ]; then
  sources=$(mktemp -d)
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    [ -f "$file" ] || continue
    # in deb822 and in the old form alike, URLs are words of their own
    awk -v snapshot="$APT_SNAPSHOT" '
      /^[[:space:]]*#/ { next }
      {
        for (at = 1; at <= NF; at++) if ($at ~ /^https?:\/\//) {
          archive = $at; sub(/\/+$/, "", archive); sub(/^.*\//, "", archive)
          url = snapshot; gsub(/\{archive\}/, archive, url); $at = url
        }
        print
      }' "$file" >"$sources/${file##*/}"
  done
  options="$options -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=$sources -o Acquire::Check-Valid-Until=false"
fi

export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # words on purpose
apt-get $options update
# shellcheck disable=SC2086
apt-get $options install -y --no-install-recommends "$@"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /usr/share/doc/* /usr/share/man/*
