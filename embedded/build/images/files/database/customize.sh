#!/bin/sh
# Makes Debian's PostgreSQL what its own image is: user 999, no cluster yet, and no key that every copy would share.
# Without the compiler of queries, which log records do not need, it is half as large.
set -eu
root=$1

rm -rf "$root"/var/lib/postgresql "$root"/etc/postgresql "$root"/var/log/postgresql
rm -f "$root"/etc/ssl/private/ssl-cert-snakeoil.key "$root"/etc/ssl/certs/ssl-cert-snakeoil.pem

rm -rf "$root"/usr/lib/postgresql/*/lib/bitcode "$root"/usr/lib/postgresql/*/lib/llvmjit*
rm -f "$root"/usr/lib/*/libLLVM* "$root"/usr/lib/*/libz3.so*

if grep -v '^postgres:' "$root/etc/passwd" | cut -d: -f3 | grep -qx 999; then
  echo "user id 999 is taken in Debian's base" >&2
  exit 1
fi
sed -i 's/^postgres:x:[0-9]*:[0-9]*:/postgres:x:999:999:/' "$root/etc/passwd"
sed -i 's/^postgres:x:[0-9]*:/postgres:x:999:/' "$root/etc/group"
