#!/bin/bash
# Makes the database cluster if there is none yet, and in it the database kafkalogs with its owner, whose name and
# password are those of the Secret. What is there already stays; a changed password is set.
set -euo pipefail
cd /tmp

if [ ! -e "$PGDATA/PG_VERSION" ]; then
  # under another name until it is complete: one that was interrupted is begun anew
  rm -rf "$PGDATA.new"
  initdb --pgdata="$PGDATA.new" --username=postgres --auth=peer --encoding=UTF8 --data-checksums \
    --locale-provider=builtin --locale=C.UTF-8
  mv "$PGDATA.new" "$PGDATA"
fi
# Kubernetes may have given the group rights on it when it mounted the volume; PostgreSQL refuses that.
chmod 0700 "$PGDATA"

pg_ctl start --pgdata="$PGDATA" --wait --timeout=300 \
  --options="-c config_file=/config/postgresql.conf -c listen_addresses=''"
trap 'pg_ctl stop --pgdata="$PGDATA" --mode=fast --wait' EXIT
psql --no-psqlrc --quiet --host=/tmp --username=postgres --dbname=postgres --set=ON_ERROR_STOP=1 <<'SQL'
\set owner `cat /credentials/username`
\set password `cat /credentials/password`
SELECT format('CREATE ROLE %I', :'owner') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec
ALTER ROLE :"owner" LOGIN PASSWORD :'password';
SELECT 'CREATE DATABASE kafkalogs' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'kafkalogs') \gexec
ALTER DATABASE kafkalogs OWNER TO :"owner";
REVOKE ALL ON DATABASE kafkalogs FROM PUBLIC;
SQL
