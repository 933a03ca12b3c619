#!/bin/sh
# Compiles the shop, unless that has been done, and runs it; `run.sh compile` only compiles.
set -e
cd "$(dirname "$0")"
classes="${TMPDIR:-/tmp}/payon-java-shop-$(cat ./*.java | cksum | cut -d' ' -f1)"
if [ ! -d "$classes" ]; then
  javac -d "$classes.$$" ./*.java
  # Whoever comes second finds that it is there.
  mv -T "$classes.$$" "$classes" 2>/dev/null || rm -r "$classes.$$"
fi
[ "$1" = compile ] && exit
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$classes" ShopServer
