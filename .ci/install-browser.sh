#!/bin/sh
# Installs what tests/it/browser.rs drives the payer's pages with: Debian's Chromium and Khmer
# fonts, and from npm the driver and axe-core, into target/ext/browser.
set -eu
cd "$(dirname "$0")/.."
if ! command -v chromium >/dev/null || ! fc-list ':lang=km' 2>/dev/null | grep -q .; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fontconfig fonts-noto-core
fi
into=target/ext/browser
mkdir -p "$into"
cp tests/browser/package.json tests/browser/package-lock.json tests/browser/.npmrc "$into"
npm ci --prefix "$into" --no-audit --no-fund
