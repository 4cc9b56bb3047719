#!/bin/bash
# Runs a Java class with all of Kafka's jars; the other scripts here call it with the class of their tool.
# The variables are those of Kafka's own scripts: KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS, KAFKA_LOG4J_OPTS,
# KAFKA_JMX_OPTS, KAFKA_OPTS, CLASSPATH (jars before Kafka's).
set -eu
home=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")

# word splitting is wanted: each variable holds any number of options
# shellcheck disable=SC2086
exec java \
  ${KAFKA_HEAP_OPTS:--Xmx256M} \
  ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseSerialGC -XX:TieredStopAtLevel=1} \
  -Djava.awt.headless=true \
  ${KAFKA_JMX_OPTS:-} \
  ${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=$home/config/tools-log4j2.properties} \
  -cp "${CLASSPATH:+$CLASSPATH:}$home/libs/*" \
  ${KAFKA_OPTS:-} "$@"
