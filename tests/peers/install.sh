#!/bin/sh
# Installs other people's tools that the tests hold the sandbox and the fake Discord against, and that the
# benches measure beside Shipmate: those in Python into a virtual environment, those in JavaScript beside it,
# with a Node of their own. Does nothing quickly where they are there already.
# Usage: tests/peers/install.sh [FOLDER]   (default: ~/.cache/shipmate-peers; the tests read SHIPMATE_PEERS)
set -eu

folder="${1:-${SHIPMATE_PEERS:-$HOME/.cache/shipmate-peers}}"
here="$(cd "$(dirname "$0")" && pwd)"

if [ ! -x "$folder/bin/python" ]; then
    python3 -m venv "$folder"
fi
"$folder/bin/pip" install --quiet --disable-pip-version-check \
    awscli==1.46.3 \
    botocore==1.44.5 \
    ecs-deploy==1.17.0 \
    'moto[server]==5.2.5' \
    python-dateutil==2.9.0.post0
"$folder/bin/aws" --version
# It asks for another botocore than the AWS CLI does.
if [ ! -x "$folder/ministack/bin/python" ]; then
    python3 -m venv "$folder/ministack"
fi
"$folder/ministack/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33

# The lock file is copied last of all: where it is there, all of it is installed.
if ! cmp -s "$here/package-lock.json" "$folder/npm/installed-lock.json"; then
    mkdir -p "$folder/npm"
    rm -f "$folder/npm/installed-lock.json"
    cp "$here/package.json" "$here/package-lock.json" "$folder/npm/"
    # Nothing of it is run while it is installed. npm's own Node may be older than what it installs asks for.
    npm ci --prefix "$folder/npm" --ignore-scripts --no-audit --no-fund --loglevel=error
    for node in "$folder"/npm/node_modules/node-*/bin/node; do
        [ -x "$node" ] || node="$(command -v node)"
        ln -sf "$node" "$folder/bin/node"
    done
    cp "$here/package-lock.json" "$folder/npm/installed-lock.json"
fi
echo "node $("$folder/bin/node" --version)"
