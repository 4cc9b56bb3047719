"""Small checks of every tracked file, run by `make lint`: what a pre-commit hook would look at."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

LARGEST = 512 * 1024  # bytes; a larger file is data that does not belong here
GENERATED = {"go.sum", "requirements.txt", "LICENSE", "pins.toml"}


def problems_of(path: Path) -> list[str]:
    """Every problem of one file, as `path:line: what`."""
    found: list[str] = []
    data = path.read_bytes()
    if len(data) > LARGEST and path.name not in GENERATED:
        found.append(f"{path}: {len(data)} bytes, more than {LARGEST}")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return [*found, f"{path}: not UTF-8"]
    if data and not data.endswith(b"\n"):
        found.append(f"{path}: no newline at its end")
    for number, line in enumerate(text.split("\n"), 1):
        if line.rstrip() != line and path.suffix != ".md":
            found.append(f"{path}:{number}: white space at the end of the line")
        if line.startswith(("<<<<<<< ", ">>>>>>> ")):
            found.append(f"{path}:{number}: a merge conflict")
        if "PRIVATE KEY-----" in line and path.suffix not in {".py"}:
            found.append(f"{path}:{number}: a private key")
    try:
        if path.suffix in {".yaml", ".yml"}:
            list(yaml.safe_load_all(text))
        elif path.suffix == ".toml":
            tomllib.loads(text)
    except (yaml.YAMLError, tomllib.TOMLDecodeError) as error:
        found.append(f"{path}: {error}")
    return found


def main() -> int:
    """Check all files that git knows or would add; 1 if there is a problem."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    found = [p for name in listed.stdout.splitlines() if Path(name).is_file() for p in problems_of(Path(name))]
    print("\n".join(found) if found else f"{len(listed.stdout.splitlines())} files checked")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
