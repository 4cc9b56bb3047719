"""The search sink in a real Connect worker: requests are larger than polls, and what is committed is stored."""

import time

from confluent_kafka import Consumer, TopicPartition
from kafkalogs.sinks.record import SEARCH_SINK, consumer_group
from kafkalogs.sinks.settings import POLL_RECORDS, delivery_config

from .support import PASSWORD, USER, event
from .worker import until

TOPIC, LETTERS = "logs.shop", "dlq.search"


def settings(search):
    own = {
        "connector.class": SEARCH_SINK,
        "name": "search",
        "tasks.max": 1,
        "search.url": search.url,
        "search.username": USER,
        "search.password": PASSWORD,
        "search.tls.ca.path": search.ca,
        "search.streams": f"{TOPIC}=logs-application-default",
        "search.poll.records": POLL_RECORDS,
        "search.retry.backoff.ms": 100,
        "search.retry.backoff.max.ms": 200,
    }
    return {key: str(value) for key, value in {**delivery_config([TOPIC], LETTERS, 1), **own}.items()}


def committed(kafka):
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": consumer_group("search")})
    try:
        (place,) = consumer.committed([TopicPartition(TOPIC, 0)], timeout=10)
        return place.offset
    finally:
        consumer.close()


def test_requests_are_larger_than_polls_and_nothing_is_committed_before_it_is_stored(kafka, worker, search):
    kafka.create(TOPIC, LETTERS)
    kafka.write(TOPIC, [event(message=f"m{n}") for n in range(2000)])
    worker.start("search", settings(search))
    until("all are stored", lambda: len(search.documents) == 2000)
    assert max(len(request) for request in search.requests) > 4 * POLL_RECORDS
    until("all is committed", lambda: committed(kafka) == 2000)

    search.plan = [lambda ids: (503, "")] * 10_000
    kafka.write(TOPIC, [event(message=f"m{n}") for n in range(2000, 3000)])
    time.sleep(5)  # Connect tries to commit twice a second
    assert committed(kafka) == 2000
    worker.call("POST", "/connectors/search/restart?includeTasks=true")  # with what waits
    time.sleep(1)
    search.plan = []
    until("all are stored", lambda: len(search.documents) == 3000)
    until("all is committed", lambda: committed(kafka) == 3000)
    assert worker.task("search")[0] == "RUNNING"
