"""What Flink's pods write to their log."""

from typing import Final

KNOWN_COLLISIONS: Final = ("pendingCommittables", "currentSendTime")
"""Metrics that Flink 2.3 and its Kafka sink register again on themselves: at each checkpoint (FLINK-35321, mended after
2.3) and at each start. The first registration stays and nothing is missing, but each sink would warn every 5 s."""

LOG_FILE: Final = "log4j-console.properties"
"""The file that the scripts of Flink's image read."""

LOG_SETTINGS: Final = f"""\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = ConsoleAppender
appender.console.name = ConsoleAppender
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{{yyyy-MM-dd HH:mm:ss,SSS}} %-5p %-60c %x - %m%n
logger.kafka.name = org.apache.flink.kafka.shaded
logger.kafka.level = WARN
logger.metrics.name = org.apache.flink.metrics.MetricGroup
logger.metrics.level = INFO
logger.metrics.filter.known.type = RegexFilter
logger.metrics.filter.known.regex = Name collision: .*'({"|".join(KNOWN_COLLISIONS)})'.*
logger.metrics.filter.known.onMatch = DENY
logger.metrics.filter.known.onMismatch = NEUTRAL
"""
"""Of log4j 2. To the console alone: the image's own settings also write /opt/flink/log, which a read-only root file
system refuses at each start, with a stack trace."""
