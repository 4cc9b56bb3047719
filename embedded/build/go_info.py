"""Reads a Go program's list of modules, which the linker writes and ``go version -m`` prints."""

from __future__ import annotations

from dataclasses import dataclass

_MAGIC = b"\xff Go buildinf:"
# A flag of the header: the strings follow the header, always since Go 1.18 (package debug/buildinfo).
_INLINE = 2
_HEADER = 32
_SENTINEL = 16


@dataclass(frozen=True)
class Module:
    """A Go module. version: ``(devel)`` or empty for a module that was built from a folder."""

    path: str
    version: str


@dataclass(frozen=True)
class GoProgram:
    """The modules of a Go program.

    go: the version of Go. main: the program's own module; None if it was built without modules. modules: all others;
    where go.mod replaces a module, the replacement.
    """

    go: str
    main: Module | None
    modules: tuple[Module, ...]


def go_program(content: bytes) -> GoProgram | None:
    """The modules of a program; None if the program is not from Go, or from a Go older than 1.18."""
    start = -1
    while (start := content.find(_MAGIC, start + 1)) >= 0:
        # The linker aligns the header; other matches are constants of tools that search for headers, like Go's.
        if start % 16 == 0 and content[start + 15] & _INLINE:
            try:
                version, after = _text(content, start + _HEADER)
                modules, _ = _text(content, after)
            except IndexError:
                continue
            return _parsed(version, modules[_SENTINEL:-_SENTINEL] if len(modules) > 2 * _SENTINEL else "")
    return None


def _text(content: bytes, at: int) -> tuple[str, int]:
    """The string at ``at`` and the offset of its end; a varint before the string has its length."""
    length = shift = 0
    while True:
        byte = content[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if at + length > len(content):
        raise IndexError
    # latin-1, because the sentinels around the modules are not UTF-8
    return content[at : at + length].decode("latin-1"), at + length


def _parsed(version: str, lines: str) -> GoProgram:
    main: Module | None = None
    modules: list[Module] = []
    for line in lines.splitlines():
        word, *fields = line.split("\t")
        if word not in {"mod", "dep", "=>"} or len(fields) < 2:
            continue
        module = Module(fields[0], fields[1])
        if word == "mod":
            main = module
        elif word == "dep":
            modules.append(module)
        elif modules:
            modules[-1] = module
        else:
            main = module
    return GoProgram(version, main, tuple(modules))
