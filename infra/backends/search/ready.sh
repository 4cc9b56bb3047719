#!/bin/bash
# Succeeds when Elasticsearch says, over verified TLS and to a user of its own, that it has a cluster to serve.
set -euo pipefail
credential="$(< /credentials/search-reader/username):$(< /credentials/search-reader/password)"
printf 'GET /_cluster/health?timeout=3s HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n' \
  "$(printf %s "$credential" | base64 -w 0)" |
  timeout 8 openssl s_client -quiet -verify_return_error -CAfile "$ES_PATH_CONF/tls/ca.crt" \
    -verify_hostname localhost -connect localhost:9200 2> /dev/null |
  head -n 1 | grep -q ' 200 '
