"""What a fault of the campaign is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.load import Load
from tests.support.sandbox import Sandbox


@dataclass(frozen=True)
class Fault:
    """make: makes the fault while the load writes, and ends when its cause is gone. quick: also part of `make test`.

    The first line of the function's docstring is what docs/faults.md says of the fault.
    """

    make: Callable[[Sandbox, Load], None]
    quick: bool = False

    @property
    def name(self) -> str:
        """The name of the function, in words."""
        return self.make.__name__.replace("_", " ")

    @property
    def text(self) -> str:
        """What happens, in a sentence."""
        return (self.make.__doc__ or "").split("\n")[0]
