#!/bin/sh
# Makes the buckets named as arguments that are not there yet: by the server, within the pod, so that they have an owner.
set -eu
export ADMIN_ACCESS_KEY_ID="$ROOT_ACCESS_KEY_ID" ADMIN_SECRET_ACCESS_KEY="$ROOT_SECRET_ACCESS_KEY"
export ADMIN_ENDPOINT_URL=http://127.0.0.1:7071

versitygw --quiet --port 127.0.0.1:7071 posix /data &
server=$!
trap 'kill "$server"; wait "$server" || true' EXIT

for bucket in "$@"; do
  tries=0
  until [ -d "/data/$bucket" ] || versitygw admin create-bucket --owner "$ROOT_ACCESS_KEY_ID" --bucket "$bucket"; do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || exit 1
    sleep 1
  done
done
