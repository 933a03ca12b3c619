#!/bin/sh
# Compiles the shop, unless that has been done, and runs it; `run.sh compile` only compiles.
set -e
cd "$(dirname "$0")"
classes="${TMPDIR:-/tmp}/payon-java-shop-$(cat ./*.java | cksum | cut -d' ' -f1)"
if [ ! -d "$classes" ]; then
  # Of several that are started at once one compiles, and the others wait.
  exec 9>"$classes.lock"
  command -v flock >/dev/null && flock 9
  if [ ! -d "$classes" ]; then
    javac -d "$classes.$$" ./*.java
    mv -T "$classes.$$" "$classes" 2>/dev/null || rm -r "$classes.$$"
  fi
  exec 9>&-
fi
[ "$1" = compile ] && exit
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$classes" ShopServer
