#!/bin/sh
# packages.sh: installs what package-lock.json in this folder says, for production. No script of a package is run.
#
# NPM_REGISTRY: index of packages. Empty: npm's own. It and its credentials stay in this stage of the build.
set -eu

export PATH="/opt/node/bin:$PATH" npm_config_cache=/tmp/npm npm_config_update_notifier=false
# beside npm's own list of authorities, that of the base image
export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
[ -z "${NPM_REGISTRY:-}" ] || export npm_config_registry="$NPM_REGISTRY"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
rm -rf /tmp/npm
# what only people and compilers read
find node_modules -type f \( -name '*.md' -o -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
