"""Text that gives away a connection without encryption: addresses, settings of clients and of servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from ..values import View

_ADDRESS: Final = re.compile(r"\b(http|ws|ftp|ldap|amqp|redis|mongodb\+plain)://([^\s'\"<>\\,;)}\]]+)", re.IGNORECASE)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1", "0.0.0.0"})  # noqa: S104
# Names that look like addresses and that nobody connects to.
_NAMES: Final = ("json-schema.org", "www.w3.org", "xmlns.jcp.org", "maven.apache.org", "schemas.xmlsoap.org")

_PROTOCOL: Final = re.compile(
    r"security[._-]?protocol['\"]?\s*(?:[=:,]|['\"])\s*['\"]?((?:SASL_)?PLAINTEXT)", re.IGNORECASE
)
_JDBC: Final = re.compile(r"\b(?:jdbc:)?(postgres(?:ql)?|mysql|mariadb)://[^\s'\"<>]+", re.IGNORECASE)
_WEAK_SSL_MODE: Final = re.compile(
    r"ssl-?_?mode['\"]?\s*[=:]\s*['\"]?(disabled?|allow|prefer(?:red)?)\b", re.IGNORECASE
)
_STRONG_SSL_MODE: Final = re.compile(
    r"ssl-?mode=(require|verify-ca|verify-full|required|verify_ca|verify_identity|trust)\b|useSSL=true", re.IGNORECASE
)
# Port 9092 is where Kafka, and Strimzi's examples, listen without TLS.
_PLAIN_BOOTSTRAP: Final = re.compile(r"[\w.-]*(?:kafka|bootstrap|broker)[\w.-]*:9092\b", re.IGNORECASE)
_SERVERS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"quarkus\.http\.insecure-requests\s*=\s*enabled", re.IGNORECASE), "a server that takes plain HTTP"),
    (re.compile(r"xpack\.security\.enabled\s*:\s*['\"]?false", re.IGNORECASE), "a search engine without security"),
    (re.compile(r"plugins\.security\.disabled\s*:\s*['\"]?true", re.IGNORECASE), "a search engine without security"),
    (
        re.compile(r"ssl(?:\.http)?(?:\.enabled|\s*:\s*\n\s+enabled)\s*:\s*['\"]?false", re.IGNORECASE),
        "a server whose TLS is switched off",
    ),
    (re.compile(r"^\s*ssl\s*=\s*['\"]?(?:off|false|no|0)\b", re.IGNORECASE | re.MULTILINE), "a database without TLS"),
    (re.compile(r"^\s*host(?:nossl)?[ \t]+\S+[ \t]+\S+", re.MULTILINE), "a database that takes clients without TLS"),
    (re.compile(r"ssl\.endpoint\.identification\.algorithm['\"]?\s*[=:]\s*['\"]?\s*(?:none|['\"])?\s*$",
                re.IGNORECASE | re.MULTILINE), "a client that takes any server's certificate"),
)  # fmt: skip
# A comment of SQL has a space behind its dashes; an option of a command has none.
_COMMENT: Final = re.compile(r"^\s*(#|--\s|//).*$", re.MULTILINE)
_HASH: Final = re.compile(r"^\s*#.*$")


def found(text: str) -> Iterator[str]:
    """What in a text goes unencrypted, each in words that can stand after "has"."""
    text = _uncommented(text)
    for match in _ADDRESS.finditer(text):
        host = _host(match[0])
        if host not in _LOOPBACK and not _is_name(host):
            yield f"the address {match[1].lower()}://{host}, which is not encrypted"
    for match in _PROTOCOL.finditer(text):
        yield f"security.protocol {match[1].upper()}, which is not encrypted"
    for match in _JDBC.finditer(text):
        if not _STRONG_SSL_MODE.search(match[0]):
            yield f"a {match[1]} address that does not demand TLS"
    for match in _WEAK_SSL_MODE.finditer(text):
        yield f"sslmode {match[1]}, which goes on without TLS"
    if match := _PLAIN_BOOTSTRAP.search(text):
        yield f"{match[0]}, a listener without TLS"
    for pattern, words in _SERVERS:
        if pattern.search(text):
            yield words


def of_setting(key: str, view: View) -> Iterator[str]:
    """The same of a setting: of its value, and of what the key makes of it."""
    text = _uncommented(view.text)
    seen = set(found(text))
    seen |= set(found(f"{key}={text}")) | set(found(f"{key.lower().replace('_', '.')}={text}"))
    # libpq's variable, and what many images take
    if key.upper() in {"PGSSLMODE", "SSLMODE", "SSL_MODE"} and text.lower() in {"disable", "allow", "prefer"}:
        seen.add(f"sslmode {text}, which goes on without TLS")
    yield from sorted(seen)


def _uncommented(text: str) -> str:
    """A text without its comments. One line may be an argument, in which only # begins one."""
    return (_COMMENT if "\n" in text.strip() else _HASH).sub("", text)


def _is_name(host: str) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in _NAMES)


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
