#!/usr/bin/env bash
# Installs what packaging/build and packaging/test need beside cargo, gcc, npm and openssl: Debian packages, and
# from PyPI the reader of YAML for the files of packaging/containers, into target/ext/packaging.
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A package=([buildah]=buildah [podman]=podman [runc]=runc [strip]=binutils [dpkg-deb]=dpkg [unshare]=util-linux [git]=git)
missing=()
for tool in "${!package[@]}"; do command -v "$tool" >/dev/null || missing+=("${package[$tool]}"); done
if ((${#missing[@]})); then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
into=target/ext/packaging
mkdir -p "$into"
[ -x "$into/venv/bin/python" ] || python3 -m venv "$into/venv"
"$into/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r packaging/requirements.txt
