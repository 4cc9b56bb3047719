#!/bin/bash
# Fills the folder of Elasticsearch's configuration: the files of the ConfigMap, and users from their Secrets.
# Hashes are PBKDF2 as Elasticsearch writes them (https://www.elastic.co/guide/en/elasticsearch/reference/8.19/security-settings.html#hashing-settings).
set -euo pipefail
umask 077
cp /config/*.yml /config/*.options /config/*.properties "$ES_PATH_CONF"
: > "$ES_PATH_CONF/users"
: > "$ES_PATH_CONF/users_roles"

user() { # a credential, and the role of its user
  local name password salt hash
  name=$(< "/credentials/$1/username")
  password=$(< "/credentials/$1/password")
  openssl rand -out /tmp/salt 32
  salt=$(od -An -tx1 -v /tmp/salt | tr -d ' \n')
  hash=$(openssl kdf -binary -keylen 32 -kdfopt digest:SHA512 -kdfopt "pass:$password" -kdfopt "hexsalt:$salt" \
    -kdfopt iter:10000 PBKDF2 | base64 -w 0)
  printf '%s:{PBKDF2}10000$%s$%s\n' "$name" "$(base64 -w 0 /tmp/salt)" "$hash" >> "$ES_PATH_CONF/users"
  printf '%s:%s\n' "$2" "$name" >> "$ES_PATH_CONF/users_roles"
}

user elastic superuser
user search-sink search_sink
user search-reader search_reader
