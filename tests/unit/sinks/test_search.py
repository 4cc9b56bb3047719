"""The search sink against a server that stores, refuses, is busy, is too small, or goes away."""

import json

import pytest

from .support import PASSWORD, Search, event, failed, items

APPLICATION, AUDIT = "logs-application-default", "logs-audit-default"


def records(count, topic="logs.shop"):
    return [(topic, 0, offset, event(message=f"m{offset}")) for offset in range(count)]


def test_events_are_stored_under_the_id_that_their_place_gives_them(sink, plugins, search):
    sink(topics=["logs.shop", "logs.audit"])
    answer = plugins.put(("logs.shop", 2, 41, event(region="eu")), ("logs.audit", 0, 7, event(attributes={"a": [1]})))
    assert (answer["outcome"], answer["reported"]) == ("ok", [])
    assert search.stored(APPLICATION, "logs.shop+2+41") == [
        {
            "@timestamp": "2026-01-02T03:04:05.678Z",
            **{name: value for name, value in json.loads(event()).items() if name != "timestamp"},
            "extra": {"region": "eu"},
            "origin": "logs.shop+2+41",
        }
    ]
    assert [found["attributes"] for found in search.stored(AUDIT, "logs.audit+0+7")] == [{"a": [1]}]
    assert search.paths[0].startswith("/_bulk?")


def test_text_arrives_as_it_was(sink, plugins, search):
    sink()
    hard = 'tab\t line\n quote" back\\slash \u2028 \U0001f600 é \x07'
    spread = event(message=hard, attributes={"n": hard}).replace(b', "n"', b',\r\n "n"')
    plugins.put(("logs.shop", 0, 0, spread.replace(b'{"n"', b'{\r\n"n"')))
    (stored,) = search.documents.values()
    assert (stored["message"], stored["attributes"]) == (hard, {"n": hard})


def test_a_repetition_is_stored_once(sink, plugins, search):
    sink()
    assert plugins.put(*records(3))["outcome"] == "ok"
    sink()  # a new task, that remembers nothing
    answer = plugins.put(*records(4))
    assert (answer["outcome"], answer["reported"]) == ("ok", [])
    assert len(search.documents) == 4
    assert [len(request) for request in search.requests] == [3, 4]


def test_events_of_wrong_clocks_are_counted_once_also_if_the_server_takes_them_late(sink, plugins, search):
    sink()
    search.plan = [lambda ids: (503, "busy"), lambda ids: (200, items([201, 429, 201]))]
    # Kafka got the records in 1970
    assert [plugins.put(*records(3))["metrics"] for _ in range(2)] == [{}, {}]
    assert plugins.put(*records(3))["metrics"] == {"events-ahead-total checkout-service": 3}


def test_a_topic_that_is_made_again_hides_no_document(sink, plugins, search):
    sink()
    assert plugins.put(*records(2))["outcome"] == "ok"
    sink()  # of the topic that was made again, or of another cluster
    others = [(topic, partition, offset, event(message="other")) for topic, partition, offset, _ in records(2)]
    answer = plugins.put(*others)
    assert (answer["outcome"], answer["reported"]) == ("ok", [])
    for offset in range(2):
        stored = search.stored(APPLICATION, f"logs.shop+0+{offset}")
        assert [found["message"] for found in stored] == [f"m{offset}", "other"]


def test_a_refused_document_is_reported_and_the_others_are_stored(sink, plugins, search):
    sink()
    search.plan = [lambda ids: (200, items([201, 400, 201]))]
    answer = plugins.put(*records(3))
    assert answer["outcome"] == "ok"
    assert answer["reported"] == [["logs.shop+0+1", "400: document_parsing_exception: because 400"]]


OF_DOCUMENTS = [
    failed(
        400, "document_parsing_exception", "[1:9] failed to parse field [attributes]", type="illegal_argument_exception"
    ),
    failed(400, "mapper_parsing_exception", "failed to parse", type="illegal_argument_exception"),
    failed(400, "x_content_parse_exception"),
    failed(400, "parsing_exception"),
    failed(400, "json_parse_exception"),
    failed(400, "illegal_argument_exception", "immense term", type="max_bytes_length_exceeded_exception"),
    failed(413, "es_rejected_execution_exception"),
]
PASSING = [
    failed(400, "index_closed_exception", "closed"),
    failed(
        400, "validation_exception", "this action would add [2] shards, but this cluster currently has [1000]/[1000]"
    ),
    failed(400, "illegal_argument_exception", "pipeline with id [x] does not exist"),
    failed(400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded"),
    failed(400, "strict_dynamic_mapping_exception", "mapping set to strict"),
    failed(400, "invalid_index_name_exception"),
    failed(400, "illegal_state_exception", type="script_exception", reason="of a pipeline"),
    failed(400, "what_nobody_knows_exception"),
    failed(403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/12/index read-only / allow delete];"),
    failed(429, "cluster_block_exception", "disk usage exceeded flood-stage watermark"),
    failed(404, "index_not_found_exception"),
    failed(503, "unavailable_shards_exception"),
    failed(500, "document_parsing_exception"),
]


@pytest.mark.parametrize("error", OF_DOCUMENTS, ids=lambda error: error["error"]["type"])
def test_only_what_is_wrong_with_the_document_itself_makes_a_dead_letter(sink, plugins, search, error):
    sink()
    search.plan = [lambda ids: (200, items([201, error, 201]))]
    answer = plugins.put(*records(3))
    assert answer["outcome"] == "ok"
    assert [report[0] for report in answer["reported"]] == ["logs.shop+0+1"]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: f"{error['status']} {error['error']['type']}")
def test_an_engine_in_trouble_sends_no_good_event_to_the_dead_letters(sink, plugins, search, error):
    sink()
    search.plan = [lambda ids: (200, items([error] * len(ids)))] * 3
    for _ in range(3):
        answer = plugins.put(*records(100))
        assert (answer["outcome"], answer["reported"]) == ("retriable", [])
        assert error["error"]["type"] in answer["reason"]
    answer = plugins.put(*records(100))  # it is repaired
    assert (answer["outcome"], answer["reported"]) == ("ok", [])
    assert len(search.documents) == 100


def test_a_request_that_one_document_spoils_is_halved_down_to_it(sink, plugins, search):
    sink()

    def spoiled(ids):
        if "logs.shop+0+3" not in ids:
            return 200, items([201] * len(ids))
        return 400, json.dumps({"status": 400, **{"error": failed(400, "document_parsing_exception")["error"]}})

    search.plan = [spoiled] * 20
    answer = plugins.put(*records(8))
    assert answer["outcome"] == "ok"
    assert [report[0] for report in answer["reported"]] == ["logs.shop+0+3"]
    assert sum(len(ids) for ids in search.requests if "logs.shop+0+3" not in ids) == 7


def test_a_failure_store_that_hides_what_is_refused_fails_the_task(sink, plugins, search):
    sink()
    search.plan = [lambda ids: (200, items([201, {"status": 201, "failure_store": "used"}]))]
    answer = plugins.put(*records(2))
    assert (answer["outcome"], answer["reported"]) == ("ConnectException", [])
    assert "failure_store.enabled: false" in answer["reason"]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_what_can_pass_is_repeated_for_the_records_that_are_left(sink, plugins, search, status):
    sink()
    search.plan = [lambda ids: (200, items([201, 400, status]))]
    answer = plugins.put(*records(3))
    assert answer["outcome"] == "retriable"
    assert f"1 of 3 documents: {status}" in answer["reason"]
    assert answer["timeout"] > 0
    answer = plugins.put(*records(3))  # Connect hands over the same records
    assert answer["outcome"] == "ok"
    assert search.requests[1] == ["logs.shop+0+2"]
    assert [report[0] for report in answer["reported"]] == ["logs.shop+0+1"], "reported twice"


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503, 504])
def test_a_server_that_cannot_now_is_asked_again(sink, plugins, search, status):
    sink()
    search.plan = [lambda ids: (status, "not now")]
    answer = plugins.put(*records(2))
    assert (answer["outcome"], answer["reported"]) == ("retriable", [])
    assert f"{status}: not now" in answer["reason"]
    assert plugins.put(*records(2))["outcome"] == "ok"
    assert len(search.documents) == 2


def test_a_cut_connection_is_tried_again(sink, plugins, search):
    sink()
    search.plan = [None, None, None, None]
    answer = plugins.put(*records(2))
    assert answer["outcome"] == "retriable"
    assert "no answer" in answer["reason"]
    search.plan = []
    assert plugins.put(*records(2))["outcome"] == "ok"


def test_nobody_listening_is_tried_again(sink, plugins):
    sink(url="https://localhost:1")
    assert plugins.put(*records(1))["outcome"] == "retriable"


def test_no_answer_in_time_is_tried_again(sink, plugins, search):
    from time import sleep

    sink(request_timeout_ms=200)
    search.plan = [lambda ids: (sleep(1), (200, items([201])))[1]]
    assert plugins.put(*records(1))["outcome"] == "retriable"


def test_pauses_grow_to_a_limit_and_begin_anew_after_success(sink, plugins, search):
    sink(retry_backoff_ms=100, retry_backoff_max_ms=1000)
    search.plan = [lambda ids: (503, "")] * 7
    pauses = [plugins.put(*records(1))["timeout"] for _ in range(7)]
    for pause, whole in zip(pauses, (100, 200, 400, 800, 1000, 1000, 1000), strict=True):
        assert whole / 2 <= pause <= whole
    assert plugins.put(*records(1))["outcome"] == "ok"
    search.plan = [lambda ids: (503, "")]
    assert plugins.put(*records(1))["timeout"] <= 100


def test_requests_are_bounded_by_records_and_by_bytes(sink, plugins, search):
    sink(batch_records=4)
    plugins.put(*records(10))
    assert [len(request) for request in search.requests] == [4, 4, 2]
    search.forget()
    sink(batch_bytes=1200)
    plugins.put(*records(4), ("logs.shop", 0, 4, event(message="x" * 5000)), ("logs.shop", 0, 5, event()))
    assert [len(request) for request in search.requests] == [3, 1, 1, 1]


def test_a_request_that_is_too_large_is_halved_down_to_the_record_that_is(sink, plugins, search):
    sink()

    def small(ids):
        return (413, "") if len(ids) > 2 or "logs.shop+0+3" in ids else (200, items([201] * len(ids)))

    search.plan = [small] * 20
    answer = plugins.put(*records(8))
    assert answer["outcome"] == "ok"
    assert answer["reported"] == [["logs.shop+0+3", "413: the server takes no request of this size"]]


def test_an_answer_that_makes_no_sense_is_not_taken_for_success(sink, plugins, search):
    for body in ("<html>", "{}", items([201])):
        sink()
        search.plan = [lambda ids, body=body: (200, body)]
        assert plugins.put(*records(2))["outcome"] == "retriable"


@pytest.mark.parametrize("status", [400, 405, 301])
def test_what_no_repetition_changes_fails_the_task(sink, plugins, search, status):
    sink()
    search.plan = [lambda ids: (status, "no")]
    answer = plugins.put(*records(2))
    assert (answer["outcome"], answer["reported"]) == ("ConnectException", [])


def test_without_a_dead_letter_topic_a_refused_document_fails_the_task(sink, plugins, search):
    sink(reporter=False)
    search.plan = [lambda ids: (200, items([400]))]
    answer = plugins.put(*records(1))
    assert answer["outcome"] == "ConnectException"
    assert "logs.shop+0+0" in answer["reason"]


def test_a_value_of_another_converter_is_reported(sink, plugins, search):
    sink()
    answer = plugins.put(("logs.shop", 0, 0, "text"), *records(1)[:0])
    assert answer["outcome"] == "ok"
    assert "LogEventConverter" in answer["reported"][0][1]
    assert not search.requests


def test_only_the_given_authority_is_trusted(sink, plugins, search, tmp_path):
    from tests.support.tls import write_certificates

    other, *_ = write_certificates(tmp_path)
    sink(tls_ca_path=other)
    answer = plugins.put(*records(1))
    assert answer["outcome"] == "retriable"
    assert "certif" in answer["reason"].lower() or "PKIX" in answer["reason"]


def test_an_authority_may_be_one_of_several(sink, plugins, search, tmp_path):
    from tests.support.tls import write_certificates

    others = [write_certificates(tmp_path)[0].read_text() for _ in range(2)]
    bundle = tmp_path / "bundle.crt"
    bundle.write_text("\n".join([others[0], search.ca.read_text(), others[1]]))
    sink(tls_ca_path=bundle)
    assert plugins.put(*records(1))["outcome"] == "ok"


def test_the_name_of_the_server_is_verified(sink, plugins, search):
    sink(url=search.url.replace("localhost", "127.0.0.1"))
    answer = plugins.put(*records(1))
    assert answer["outcome"] == "retriable"
    assert not search.requests


def test_a_wrong_password_is_tried_again_and_not_shown(sink, plugins, search):
    sink(password="wrong-one")
    answer = plugins.put(*records(1))
    assert answer["outcome"] == "retriable"
    assert "401" in answer["reason"]
    assert "wrong-one" not in str(answer)
    assert PASSWORD not in str(answer)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"url": None}, "search.url"),
        ({"streams": "logs.shop"}, "write topic=stream"),
        ({"streams": "logs.shop="}, "write topic=stream"),
        ({"streams": "logs.shop=a,logs.shop=b"}, "has a stream already"),
        ({"streams": "logs.other=a"}, "names no stream for [logs.shop]"),
        ({"tls_ca_path": "/nowhere/ca.crt"}, "/nowhere/ca.crt"),
        ({"batch_records": 0}, "search.batch.records"),
    ],
)
def test_wrong_settings_are_refused_at_the_start(sink, changes, reason):
    answer = sink(**changes)
    assert answer["outcome"] in {"ConfigException", "ConnectException"}
    assert reason in answer["reason"]


def test_a_renewed_authority_is_trusted_while_the_task_runs(sink, plugins, tmp_path):
    server = Search(tmp_path)
    sink(url=server.url, tls_ca_path=server.ca)

    def put(count):
        """As Connect does: what may pass is handed over again."""
        server.plan = [None]  # the connection that is open is cut
        outcomes = [plugins.put(*records(count)) for _ in range(3)]
        assert outcomes[-1]["outcome"] == "ok", outcomes
        assert len(server.documents) == count

    put(1)
    server.renew()
    put(2)
    # while the file is being replaced, what was read last counts
    server.ca.write_text("")
    put(3)
    server.server.shutdown()


def whole_polls(plugins, polls, size=4):
    """Polls with as many records as one can have; what comes of each."""
    every = records(polls * size)
    return [plugins.put(*every[at : at + size]) for at in range(0, len(every), size)]


def committed(plugins, offset):
    return plugins.do("precommit", offsets={"logs.shop": offset})["offsets"]["logs.shop"]


def test_polls_are_small_and_requests_are_not(sink, plugins, search):
    sink(batch_records=10, poll_records=4)
    answers = whole_polls(plugins, 4)
    assert [answer["outcome"] for answer in answers] == ["ok"] * 4
    assert [len(request) for request in search.requests] == [10]
    assert answers[-1]["timeout"] == 50  # Connect asks again so soon, also without a record
    plugins.put(*records(17)[16:])  # nothing more is there
    assert [len(request) for request in search.requests] == [10, 7]
    assert len(search.documents) == 17
    assert committed(plugins, 17) == 17


def test_what_waits_is_not_committed_and_goes_when_no_record_comes(sink, plugins, search):
    sink(batch_records=10, poll_records=4)
    whole_polls(plugins, 3)
    assert len(search.documents) == 10
    assert committed(plugins, 12) == 10
    answer = plugins.put()
    assert (answer["outcome"], answer["timeout"]) == ("ok", None)
    assert len(search.documents) == 12
    assert committed(plugins, 12) == 12


def test_what_waits_is_kept_while_the_server_is_away_and_nothing_of_it_is_committed(sink, plugins, search):
    sink(batch_records=10, poll_records=4, retry_backoff_ms=100, retry_backoff_max_ms=1000)
    search.plan = [lambda ids: (503, "")] * 3
    whole_polls(plugins, 2)
    last = records(12)[8:]
    pauses = []
    for _ in range(3):  # Connect passes the same records again, until the task takes them
        answer = plugins.put(*last)
        assert answer["outcome"] == "retriable"
        pauses.append(answer["timeout"])
        assert committed(plugins, 8) == 0
    assert pauses[2] > pauses[0]
    assert plugins.put(*last)["outcome"] == "ok"
    assert plugins.put()["outcome"] == "ok"
    assert len(search.documents) == 12
    assert committed(plugins, 12) == 12


def test_a_refused_document_among_those_that_wait_is_reported_once(sink, plugins, search):
    sink(batch_records=10, poll_records=4)
    search.plan = [lambda ids: (200, items([400] + [201] * 7))]
    whole_polls(plugins, 2)
    answer = plugins.put()
    assert [report[0] for report in answer["reported"]] == ["logs.shop+0+0"]
    assert committed(plugins, 8) == 8
    requests = len(search.requests)
    plugins.put()
    assert len(search.requests) == requests


def test_what_waits_goes_with_its_partition(sink, plugins, search):
    sink(batch_records=10, poll_records=4)
    whole_polls(plugins, 1)
    assert committed(plugins, 4) == 0
    plugins.do("close", topics=["logs.shop"])
    plugins.put()
    assert search.requests == []
