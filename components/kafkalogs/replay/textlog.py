"""Reads the level and the time of an event from a line of a text log.

Level, by the first rule that matches:
1. a syslog priority at the start (``<34>``): its severity (RFC 5424);
2. a level's name within the first 200 characters, standing alone in capitals (``WARN``), in brackets of any case
   (``[error]``), or as the value of a field (``level=error``, ``"severity": "Error"``); the leftmost one counts;
3. an HTTP access line (``"GET / HTTP/1.1" 503 ...``): 5xx is error, 4xx warning;
4. else info. Words like "failed" do not count as a level: a wrong guess would page somebody.

Time: ISO 8601 (also with a comma or in brackets, or after one word such as a file's name), Apache's error and access
logs, syslog, ``yymmdd HHMMSS`` (HDFS) and ``yy/mm/dd HH:MM:SS`` (Spark). A time without a zone counts as UTC. A
syslog time has no year; it gets the last year in which it is at most one day after ``latest``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from kafkalogs.client.logevent import Level, is_storable

_NAMES: dict[Level, str] = {
    "debug": "TRACE DEBUG FINE FINER FINEST VERBOSE",
    "info": "INFO INFORMATION NOTICE",
    "warning": "WARN WARNING",
    "error": "ERROR ERR SEVERE",
    "critical": "CRITICAL CRIT FATAL ALERT EMERG EMERGENCY PANIC",
}
_LEVEL_OF: dict[str, Level] = {name: level for level, names in _NAMES.items() for name in names.split()}
# The longest name first, so that WARNING is not read as WARN.
_ANY = "|".join(sorted(_LEVEL_OF, key=len, reverse=True))
_MARKER = re.compile(
    rf"(?<![\w.$/-])({_ANY})(?![\w.$/-])"
    rf"|[\[(<](?i:[\w.]*:)?(?i:({_ANY}))[\])>]"
    rf"|(?i:\b(?:level|lvl|severity|loglevel|log\.level)\b\"?\s*[=:]\s*\"?({_ANY})\b)"
)
_HEAD = 200
_PRIORITY = re.compile(r"<(\d{1,3})>")
_SEVERITY: tuple[Level, ...] = ("critical", "critical", "critical", "error", "warning", "info", "info", "debug")
_ACCESS = re.compile(r"\"[A-Z]{3,10} \S+(?: HTTP/[\d.]+)?\" (?:status: )?([1-5]\d\d)\b")

_NAMES_OF_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES_OF_MONTHS, 1)}
_MONTH = "|".join(_MONTHS)
_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
_ZONE = r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
_FORMATS = (
    # 2015-10-18 18:01:47,978   2026-01-02T03:04:05.678Z   nova-api.log 2017-05-16 00:00:00.008
    re.compile(rf"(?:\S+ )?\[?(?P<time>(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)[T ]{_CLOCK}{_ZONE})"),
    # [Sun Dec 04 04:47:44.123456 2005]
    re.compile(rf"\[(?P<time>\w{{3}} (?P<name>{_MONTH}) (?P<day>[ \d]\d) {_CLOCK} (?P<year>\d{{4}}))\]"),
    # 10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700]
    re.compile(rf"\S+ \S+ \S+ \[(?P<time>(?P<day>\d\d)/(?P<name>{_MONTH})/(?P<year>\d{{4}}):{_CLOCK} {_ZONE})\]"),
    # Jun 14 15:16:01   <34>Oct 11 22:14:15
    re.compile(rf"(?:<\d{{1,3}}>)?(?P<time>(?P<name>{_MONTH}) (?P<day>[ \d]\d) {_CLOCK}) "),
    # 17/06/09 20:10:40
    re.compile(rf"(?P<time>(?P<year>\d\d)/(?P<month>\d\d)/(?P<day>\d\d) {_CLOCK}) "),
    # 081109 203615
    re.compile(r"(?P<time>(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d) (?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)) "),
)


def guess_level(line: str) -> Level:
    """The level of a line, by the rules above."""
    priority = _PRIORITY.match(line)
    if priority and int(priority[1]) < 192:
        return _SEVERITY[int(priority[1]) % 8]
    marker = _MARKER.search(line[:_HEAD])
    if marker:
        return _LEVEL_OF[(marker[1] or marker[2] or marker[3]).upper()]
    access = _ACCESS.search(line)
    if access and access[1][0] in "45":
        return "error" if access[1][0] == "5" else "warning"
    return "info"


def leading_time(line: str, latest: datetime) -> tuple[datetime, str] | None:
    """The time that leads a line, and the text that says so; None without a known format or a storable date."""
    for pattern in _FORMATS:
        match = pattern.match(line)
        if match:
            try:
                moment = _moment(match.groupdict(), latest)
            except ValueError:
                return None
            return (moment, match["time"]) if is_storable(moment) else None
    return None


def _moment(part: dict[str, str | None], latest: datetime) -> datetime:
    zone = part.get("zone")
    month = part.get("month")
    year = part.get("year")
    moment = datetime(
        # A leap year stands in for a missing one, so that 29 February can be read.
        _century(year, latest) if year else 2000,
        int(month) if month else _MONTHS[part["name"] or ""],
        int(part["day"] or 0),
        int(part["hour"] or 0),
        int(part["minute"] or 0),
        int(part["second"] or 0),
        int((part.get("fraction") or "0")[:6].ljust(6, "0")),
        tzinfo=UTC if zone in (None, "Z") else datetime.strptime(zone, "%z").tzinfo,
    )
    return moment if year else _last_before(moment, latest)


def _century(year: str, latest: datetime) -> int:
    """The full year: two digits mean the last such year that is not after the year of ``latest``."""
    if len(year) == 4:
        return int(year)
    full = latest.year - latest.year % 100 + int(year)
    return full if full <= latest.year else full - 100


def _last_before(moment: datetime, latest: datetime) -> datetime:
    """The moment in the last year in which it is at most a day after ``latest`` (zones and clocks may differ)."""
    for year in range(latest.year + 1, latest.year - 9, -1):
        try:
            dated = moment.replace(year=year)
        except ValueError:
            continue
        if dated <= latest + timedelta(days=1):
            return dated
    raise ValueError(moment)
