#!/usr/bin/env bash
# Installs the test frameworks that tests/it/kits.rs runs the kits with: pytest, vitest and jest into target/ext/kits, JUnit
# with Jackson and PHPUnit as Debian packages.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
command -v java >/dev/null || missing+=(default-jdk-headless)
[ -e /usr/share/java/junit-platform-console.jar ] || missing+=(junit5)
[ -e /usr/share/java/jackson-databind.jar ] || missing+=(libjackson2-databind-java)
command -v phpunit >/dev/null || missing+=(phpunit)
if ((${#missing[@]})); then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
into=target/ext/kits
mkdir -p "$into"
[ -x "$into/venv/bin/python" ] || python3 -m venv "$into/venv"
"$into/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/kits/requirements.txt
cp tests/kits/package.json tests/kits/package-lock.json tests/kits/.npmrc "$into"
npm ci --prefix "$into" --ignore-scripts --no-audit --no-fund
