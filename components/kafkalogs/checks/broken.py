"""Which values of a configuration are broken, so that checks between values leave them out."""

from ..config.problems import Path


class Broken:
    """The places of the configuration whose values are not what the person meant."""

    def __init__(self) -> None:
        self._paths: set[Path] = set()

    def add(self, path: Path) -> None:
        """Remember a place."""
        self._paths.add(path)

    def fine(self, *path: str | int) -> bool:
        """Whether the value at `path` is what the person wrote: neither it nor what holds it is broken."""
        return not any(path[: len(broken)] == broken for broken in self._paths)
