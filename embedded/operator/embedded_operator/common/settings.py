"""Options of Kafka's programs, as Kafka and log4j2 write them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def text(value: Any) -> str:
    """A value of a custom resource as Kafka writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(text(item) for item in value)
    return str(value)


def user_config(
    config: Mapping[str, Any], forbidden: Collection[str], allowed: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """The options of `config` that users may set, and the names of the others.

    `forbidden` are the prefixes of the options that only the operator sets, `allowed` are the exceptions.
    """
    refused = sorted(key for key in config if key.startswith(tuple(forbidden)) and key not in allowed)
    return {key: text(value) for key, value in config.items() if key not in refused}, refused


def properties(options: Mapping[str, str]) -> str:
    """Options as a Java properties file."""

    def escape(value: str) -> str:
        return value.replace("\\", "\\\\").replace("\n", "\\n")

    return "".join(f"{key}={escape(value)}\n" for key, value in sorted(options.items()))


def logging(loggers: Mapping[str, Any]) -> str:
    """The configuration of log4j2: it writes to standard output; `loggers` of a resource override the defaults."""
    defaults = {
        "status": "warn",
        "appender.console.type": "Console",
        "appender.console.name": "STDOUT",
        "appender.console.layout.type": "PatternLayout",
        "appender.console.layout.pattern": "%d{yyyy-MM-dd HH:mm:ss,SSS} %p [%t] %c{1}: %m%n",
        "rootLogger.level": "INFO",
        "rootLogger.appenderRef.console.ref": "STDOUT",
        # These two write a line for each request, and for each partition that moves.
        "logger.channel.name": "kafka.network.RequestChannel$",
        "logger.channel.level": "WARN",
        "logger.state.name": "state.change.logger",
        "logger.state.level": "WARN",
    }
    return properties({**defaults, **{key: text(value) for key, value in loggers.items()}})
