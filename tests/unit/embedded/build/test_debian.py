from __future__ import annotations

from pathlib import Path

import pytest

from embedded.build.cache import EmbeddedError
from embedded.build.debian import debian_layer
from tests.unit.embedded.conftest import script


def test_failed_bootstrap_says_what_to_do_and_leaves_nothing(programs: Path, cache: Path) -> None:
    script(programs, "mmdebstrap", "echo Could not resolve the mirror >&2; exit 1")
    layer = debian_layer("x", "trixie", ("bash",))
    with pytest.raises(EmbeddedError, match=r"(?s)Could not resolve.*check the network"):
        layer.get()
    assert not layer.ready
