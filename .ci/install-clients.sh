#!/usr/bin/env bash
# Installs what tests/it/clients.rs and tests/it/schemathesis.rs call: Java and PHP as Debian packages where they are
# missing, Python's packages into target/ext/clients. Node is there for the KHQR packages already.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
command -v java >/dev/null || missing+=(default-jdk-headless)
command -v php >/dev/null || missing+=(php-cli)
php -m 2>/dev/null | grep -qix curl || missing+=(php-curl)
command -v node >/dev/null || missing+=(nodejs)
if ((${#missing[@]})); then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
into=target/ext/clients
mkdir -p "$into"
[ -x "$into/venv/bin/python" ] || python3 -m venv "$into/venv"
"$into/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  -r tests/clients/python/requirements.txt -r tests/schemathesis/requirements.txt
