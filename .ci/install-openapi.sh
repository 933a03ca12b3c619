#!/bin/sh
# Installs the linter that tests/it/openapi_lint.rs runs over the OpenAPI documents, into target/ext/openapi.
set -eu
cd "$(dirname "$0")/.."
into=target/ext/openapi
mkdir -p "$into"
cp tests/openapi/package.json tests/openapi/package-lock.json tests/openapi/.npmrc "$into"
npm ci --prefix "$into" --ignore-scripts --no-audit --no-fund
