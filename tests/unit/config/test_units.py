import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafkalogs.config import units

AMOUNTS = st.integers(min_value=1, max_value=2**60)
PAIRS = [
    (units.parse_size, units.format_size),
    (units.parse_size, units.quantity),
    (units.parse_rate, units.format_rate),
    (units.parse_duration, units.format_duration),
    (units.parse_cpu, units.format_cpu),
]


@pytest.mark.parametrize(("parse", "write"), PAIRS)
@given(amount=AMOUNTS)
def test_what_is_written_reads_back_exactly(parse, write, amount):
    if parse is units.parse_size and write is units.quantity and amount % 1024:
        # a plain number of bytes is a quantity to Kubernetes, but a stack file must name its unit
        assert write(amount) == str(amount)
        return
    assert parse(write(amount)) == amount


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (units.parse_size, "2MiB", 2 * 1024**2),
        (units.parse_size, "10Gi", 10 * 1024**3),
        (units.parse_size, "1.5GiB", 3 * 1024**3 // 2),
        (units.parse_size, "500MB", 500_000_000),
        (units.parse_rate, "2MiB/s", 2 * 1024**2),
        (units.parse_rate, " 10 kB/s ", 10_000),
        (units.parse_duration, "24h", 86_400_000),
        (units.parse_duration, "7d", 604_800_000),
        (units.parse_duration, "90s", 90_000),
        (units.parse_cpu, "500m", 500),
        (units.parse_cpu, 2, 2000),
        (units.parse_cpu, 0.25, 250),
    ],
)
def test_parse(parse, text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("parse", "value", "problem"),
    [
        (units.parse_duration, "24 parsecs", "not a duration; write a number and s, m, h or d, like 24h"),
        (units.parse_duration, "24", "not a duration"),
        (units.parse_duration, 24, "not a duration"),
        (units.parse_duration, "0h", "more than zero"),
        (units.parse_duration, "-1h", "more than zero"),
        (units.parse_rate, "2MiB", "not a rate"),
        (units.parse_rate, "2Mbit/s", "not a rate"),
        (units.parse_rate, "0B/s", "more than zero"),
        (units.parse_rate, "-2MiB/s", "more than zero"),
        (units.parse_size, "10", "not a size"),
        (units.parse_size, None, "not a size"),
        (units.parse_size, "1e3MiB", "not a size"),
        (units.parse_size, "\N{ARABIC-INDIC DIGIT ONE}MiB", "not a size"),
        (units.parse_cpu, True, "not a CPU share"),
        (units.parse_cpu, "half", "not a CPU share"),
    ],
)
def test_refused_with_the_remedy(parse, value, problem):
    with pytest.raises(ValueError, match="; write ") as error:
        parse(value)
    assert problem in str(error.value)


@given(st.text())
def test_any_text_parses_or_is_refused_with_a_remedy(text):
    for parse, _ in PAIRS:
        try:
            assert parse(text) > 0
        except ValueError as error:
            assert "; write " in str(error)  # noqa: PT017


def test_about():
    assert units.about(27_380_416_512) == "25.5 GiB"
    assert units.about(512) == "512 B"
