"""Every wrong stack file is refused with the path, the value and the remedy, and never with a traceback."""

import pytest
from kafkalogs import ConfigError, load

from tests.support.wrong_stacks import WRONG, as_pulumi_reads, wrong


@pytest.mark.parametrize(("name", "edits", "line"), WRONG, ids=[line[:60] for _, _, line in WRONG])
def test_a_wrong_stack_file_is_refused(name: str, edits: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(wrong(name, edits))
    lines = [text.strip() for text in str(error.value).splitlines()[1:]]
    assert [text for text in lines if text.startswith(f"kafkalogs:platform.{line}")], f"{line!r} is not in {lines}"
    assert len(lines) == 1, f"consequences of one mistake are not further problems: {lines}"
    assert ";" in lines[0], "no remedy"


def test_there_are_enough_of_them_and_none_twice() -> None:
    assert len({line for _, _, line in WRONG}) == len(WRONG) >= 60


# As `Config.UnmarshalYAML` of Pulumi's SDK 3.245.0 reads a value and `Value` hands it on, measured with both.
READ = [
    ("on", "on"),
    ("yes", "yes"),
    ("NO", "NO"),
    ("True", True),
    ("010", 8),
    ("0o10", 8),
    ("0x10", 16),
    ("1_000", 1000),
    ("099", 99),
    ("012345678901", 12345678901),
    ("12:30:45", "12:30:45"),
    ("~", None),
    ("", None),
    ("123456789012345678901234567890", 1.2345678901234568e29),
    ("18446744073709551615", 18446744073709551615),
    ("1e400", "1e400"),
    ("1e3", 1000),
    ("3.0", 3),
    ("4.30", 4.3),
    ("4.3.1", "4.3.1"),
    ("2027-01-31", "2027-01-31 00:00:00 +0000 UTC"),
    ("2027-1-3", "2027-01-03 00:00:00 +0000 UTC"),
    ("0.1", 0.1),
    ("-0", 0),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_stack_files_are_read_as_pulumi_reads_them(text: str, value: object) -> None:
    read = as_pulumi_reads(text)
    assert read == value
    assert type(read) is type(value)
