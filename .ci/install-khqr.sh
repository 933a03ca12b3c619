#!/bin/sh
# Installs the KHQR packages that tests/it/khqr.rs compares with, into target/ext/khqr.
set -eu
cd "$(dirname "$0")/.."
into=target/ext/khqr
mkdir -p "$into"
cp tests/khqr-sdk/package.json tests/khqr-sdk/package-lock.json tests/khqr-sdk/.npmrc "$into"
npm ci --prefix "$into" --no-audit --no-fund
[ -x "$into/venv/bin/python" ] || python3 -m venv "$into/venv"
"$into/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/khqr-sdk/requirements.txt
