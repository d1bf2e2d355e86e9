#!/bin/sh
# tools.sh: installs PYTHON_TOOLS and NODE_TOOLS below /usr/local, from PIP_INDEX_URL and NPM_REGISTRY where given.
set -eu

cp -R /opt/node/. /usr/local/
export npm_config_cache=/tmp/npm npm_config_update_notifier=false
export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
[ -z "${NPM_REGISTRY:-}" ] || export npm_config_registry="$NPM_REGISTRY"
# shellcheck disable=SC2086 # words on purpose
[ -z "$PYTHON_TOOLS" ] || python3 -m pip install --quiet --no-cache-dir --root-user-action ignore $PYTHON_TOOLS
# shellcheck disable=SC2086
[ -z "$NODE_TOOLS" ] ||
  npm install --global --prefix /usr/local --ignore-scripts --no-audit --no-fund --loglevel=error $NODE_TOOLS
rm -rf /tmp/npm
