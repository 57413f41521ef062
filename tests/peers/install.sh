#!/bin/sh
# Installs other people's tools that the tests hold the sandbox against, into a virtual environment.
# Usage: tests/peers/install.sh [FOLDER]   (default: ~/.cache/shipmate-peers; the tests read SHIPMATE_PEERS)
set -eu

folder="${1:-${SHIPMATE_PEERS:-$HOME/.cache/shipmate-peers}}"

if [ ! -x "$folder/bin/python" ]; then
    python3 -m venv "$folder"
fi
"$folder/bin/pip" install --quiet --disable-pip-version-check \
    awscli==1.46.3 \
    botocore==1.44.5 \
    ecs-deploy==1.17.0 \
    'moto[server]==5.2.5'
"$folder/bin/aws" --version
