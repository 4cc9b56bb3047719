"""The loop: read records, send events to PagerDuty, save states, commit offsets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaException

from pager import alert
from pager.api import Answer, Api
from pager.incidents import Action, Book, Incident, Record
from pager.logs import log, log_seldom
from pager.metrics import Metrics
from pager.pace import Backoff, TokenBucket
from pager.routing_key import RoutingKey, fingerprint
from pager.stream import Letter, Stream

# Bytes of records that wait for PagerDuty or for the dead-letter topic, beyond which none are read.
MOST_HELD = 32 * 1024 * 1024
# The most seconds between two commits; after a crash the work since the last commit is repeated (idempotent).
_SAVE_EVERY = 1.0
_TICK = 1.0
# the least seconds between two checks for due events, if no event could be sent at the last
_LOOK = 0.5
# Seconds without a turn of the loop after which the process is taken for stuck. It may wait for PagerDuty, for
# acknowledgements and for brokers in one turn.
_STUCK = 180.0


@dataclass(frozen=True)
class PagerDuty:
    """The way to PagerDuty. bucket and backoff say when the next event may be sent."""

    api: Api
    routing_key: RoutingKey
    bucket: TokenBucket
    backoff: Backoff

    def wait(self, *, urgent: bool) -> float:
        """Seconds until the next event may be sent; what is urgent goes first."""
        now = time.monotonic()
        return max(self.backoff.wait(now), self.bucket.wait(now, urgent=urgent))


class Pager:
    """One pager. Everything happens in one thread; other threads only read ``fault`` and ``stuck``.

    stream: makes the stream, given the functions that the stream calls. renewed: whether the certificates of the
    stream's connections have been replaced; then the pager stops, and Kubernetes starts it again.
    """

    def __init__(
        self,
        *,
        stream: Callable[[Callable[[], object], Callable[[Iterable[int]], object]], Stream],
        pagerduty: PagerDuty,
        book: Book,
        metrics: Metrics,
        renewed: Callable[[], bool],
    ) -> None:
        self._stream = stream(self.save, book.drop)
        self._pagerduty = pagerduty
        self._book = book
        self._metrics = metrics
        self._renewed = renewed
        self._asked = 0.0
        self._letters: list[Letter] = []
        self._told = False
        self._saved = 0.0
        self._turned = time.monotonic()
        self._stopping = False
        # fingerprint of the routing key that PagerDuty refused last, and what it said
        self._refused: tuple[str, str] | None = None
        self.fault = "the kept state is not read yet"

    def stop(self) -> None:
        """End after the current turn."""
        self._stopping = True

    @property
    def stuck(self) -> str:
        """Why the process should be ended, if it should."""
        silent = time.monotonic() - self._turned
        return f"no turn of the loop for {silent:.0f} s" if silent > _STUCK else ""

    def run(self) -> None:
        """Page until told to stop."""
        while not self._stopping and not self._restore():
            # Kafka may refuse a certificate that has ended: a renewed one needs a new process here too.
            self._look_for_certificates()
            time.sleep(_TICK)
        self._stream.subscribe()
        while not self._stopping:
            self.turn()
        self.save()
        # closing takes the partitions away, which saves once more
        self._stream.close()

    def turn(self) -> None:
        """One turn of the loop."""
        self._turned = time.monotonic()
        for record in self._stream.read(self._wait()):
            self._take(record)
        self._told = self._tell()
        if time.monotonic() - self._saved >= _SAVE_EVERY:
            self.save()
            self._show()
        held = self._book.held_bytes + sum(letter.size for letter in self._letters)
        self._stream.pause(held > MOST_HELD)

    def save(self) -> bool:
        """Keep the incidents, write the dead letters, then commit; False if Kafka did not take it all."""
        self._saved = time.monotonic()
        try:
            states = self._book.states()
            if states or self._letters:
                self._stream.write(states, self._letters)
                self._book.changed.clear()
                for letter in self._letters:
                    self._metrics.add("pager_dead_letters_total", reason=letter.reason)
                self._letters.clear()
            self._stream.commit(self._book.committable(self._stream.ends))
        except (KafkaException, BufferError) as error:
            log_seldom("error", "Kafka does not take state or offsets", reason=str(error))
            return False
        return True

    def _restore(self) -> bool:
        self._turned = time.monotonic()
        try:
            kept = self._stream.kept()
        except KafkaException as error:
            log_seldom("error", "the kept state cannot be read", reason=str(error))
            return False
        for key, state in kept.items():
            try:
                self._book.restore(Incident.restored(key, json.loads(state)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                log(
                    "error",
                    "an incident's state is not understood: resolve it by hand",
                    dedup_key=key,
                    reason=str(error),
                )
        log("info", "open incidents are known", count=self._book.open)
        return True

    def _wait(self) -> float:
        """Seconds to wait for records: none if something can be told at once."""
        pace = self._pace()
        if self._told and not pace:
            return 0.0
        due = self._book.wait(time.time())
        return min(_TICK, max(_LOOK, _TICK if due is None else due, pace))

    def _pace(self) -> float:
        """Seconds until the next event may be sent; new incidents go before updates and resolutions."""
        return self._pagerduty.wait(urgent=self._book.waiting > 0)

    def _take(self, record: Record) -> None:
        self._metrics.add("pager_records_total")
        try:
            found = alert.parse(record.value)
        except alert.MalformedError as error:
            self._letters.append(Letter("malformed", str(error), record))
            log_seldom("warning", "a record is no log event", reason=str(error), offset=record.offset)
            return
        if self._book.take(record, found, time.time()):
            self._metrics.add("pager_suppressed_total")

    def _tell(self) -> bool:
        """Tell PagerDuty the next thing, if there is one and it is time; whether there may be more."""
        key = self._pagerduty.routing_key.read()
        if self._refused and key and fingerprint(key) != self._refused[0]:
            log("info", "there is another routing key: it is tried at once")
            self._refused = None
            self._pagerduty.backoff.succeeded()
        if self._pace():
            return False
        found = self._book.next(time.time(), self._stream.committed)
        if found is None:
            return False
        action, incident = found
        if key is None:
            log_seldom("error", "nothing can be paged", reason=self._pagerduty.routing_key.fault)
            return False
        if incident.open and incident.routing_key != fingerprint(key):
            log("warning", "the routing key changed: resolve the incident by hand", dedup_key=incident.dedup_key)
            if action == "resolve":
                self._book.forget(incident)
                return True
            # its repeats open it under the new key
        if action == "resolve" and not self._all_is_read():
            return False
        self._pagerduty.bucket.take(time.monotonic())
        event = (
            alert.resolve(key, incident.dedup_key)
            if action == "resolve"
            else alert.trigger(key, incident.dedup_key, incident.payload, incident.details())
        )
        self._judge(self._pagerduty.api.send(alert.encode(event)), action, incident, event)
        return True

    def _all_is_read(self) -> bool:
        """Whether all records are read, so that silence means no errors. Asks the brokers, so only now and then."""
        if time.monotonic() - self._asked < _LOOK:
            return False
        if self._stream.caught_up():
            return True
        self._asked = time.monotonic()
        return False

    def _judge(self, answer: Answer, action: Action, incident: Incident, event: dict[str, object]) -> None:
        about = {"action": action, "dedup_key": incident.dedup_key, "records": incident.records}
        trace = str(incident.payload["custom_details"].get("trace_id", ""))
        if answer.outcome == "accepted":
            self._refused = None
            self._pagerduty.backoff.succeeded()
            self._metrics.add("pager_events_total", action=action, result="accepted")
            if action != "resolve":
                # A clock that is ahead would hide for long that nothing is sent.
                self._metrics.raise_to("pager_newest_sent_timestamp_seconds", min(incident.last, time.time()))
            if action == "trigger":
                self._metrics.delay(max(0.0, time.time() - incident.first))
            self._book.accepted(action, incident, time.time(), fingerprint(str(event["routing_key"])))
            log("info", "PagerDuty accepted an event", trace_id=trace, **about)
        elif answer.outcome == "rejected":
            self._pagerduty.backoff.succeeded()
            self._metrics.add("pager_events_total", action=action, result="rejected")
            held = self._book.forget(incident)
            body = alert.encode({name: value for name, value in event.items() if name != "routing_key"})
            # an event without held records, like an update: the event itself is the dead letter
            self._letters += [Letter("rejected", answer.detail, record) for record in held] or [
                Letter("rejected", answer.detail, value=body)
            ]
            log("error", "PagerDuty rejected an event", trace_id=trace, detail=answer.detail, **about)
        else:
            wait = self._pagerduty.backoff.failed(time.monotonic(), throttled=answer.outcome == "throttled")
            self._metrics.add("pager_events_total", action=action, result="retried")
            self._metrics.add("pager_retries_total", reason=answer.reason)
            self._book.failed(incident)
            if answer.outcome == "unknown key":
                self._refused = fingerprint(str(event["routing_key"])), answer.detail
            log_seldom("warning", f"PagerDuty did not take an event: {answer.reason}", detail=answer.detail, wait=wait)

    def _show(self) -> None:
        """Bring the gauges and the readiness up to date."""
        self._pagerduty.routing_key.read()
        refused = f"PagerDuty refuses the routing key: {self._refused[1]}" if self._refused else ""
        self.fault = (
            self._pagerduty.routing_key.fault
            or refused
            or ("" if self._stream.assigned else "no partition is assigned yet")
        )
        self._metrics.set("pager_open_incidents", self._book.open)
        self._metrics.set("pager_waiting_incidents", self._book.waiting)
        self._metrics.set("pager_oldest_waiting_timestamp_seconds", self._book.oldest_waiting)
        self._metrics.set("pager_backoff_seconds", self._pagerduty.backoff.wait(time.monotonic()))
        self._metrics.set("pager_ready", 0 if self.fault else 1)
        self._look_for_certificates()

    def _look_for_certificates(self) -> None:
        if self._renewed():
            log("info", "certificates were renewed: beginning anew with them")
            self.stop()
