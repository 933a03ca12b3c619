#!/bin/sh
# Installs the generator of clients that tests/it/generated_client.rs runs over the OpenAPI document, into
# target/ext/generators.
set -eu
cd "$(dirname "$0")/.."
into=target/ext/generators
mkdir -p "$into"
[ -x "$into/venv/bin/python" ] || python3 -m venv "$into/venv"
"$into/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/generators/requirements.txt
