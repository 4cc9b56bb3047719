"""The broken values of a configuration. Checks between values skip them."""

from ..config.problems import Path


class Broken:
    """The paths of the values that are not what the person meant."""

    def __init__(self) -> None:
        self._paths: set[Path] = set()

    def add(self, path: Path) -> None:
        """Remember a path."""
        self._paths.add(path)

    def fine(self, *path: str | int) -> bool:
        """Whether the value at `path` is what the person wrote: neither it nor a mapping or list around it is
        broken."""
        return not any(path[: len(broken)] == broken for broken in self._paths)
