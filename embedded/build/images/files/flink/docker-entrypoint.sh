#!/bin/bash
# Starts what the official image's script of this name starts, with the same arguments.
set -eu
case "${1:-help}" in
  jobmanager | standalone-job | taskmanager)
    exec "$FLINK_HOME/bin/$1.sh" start-foreground "${@:2}"
    ;;
  help)
    echo "usage: docker-entrypoint.sh (jobmanager|standalone-job|taskmanager|COMMAND) [ARGUMENT...]"
    ;;
  *)
    exec "$@"
    ;;
esac
