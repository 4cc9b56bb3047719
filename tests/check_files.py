"""Small checks of every tracked file, run by `make lint`: what a pre-commit hook would look at."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

LARGEST = 512 * 1024  # bytes; a larger file is data that does not belong here
LONGEST_MODULE, LONGEST_FUNCTION, MOST_PARAMETERS = 400, 60, 6  # lines, lines, without self
HELD = ("components/", "embedded/", "infra/", "policy/")
ALLOWED = {  # of the embedded operator: what a certificate, and what a user's rights, are made of
    ("embedded/operator/embedded_operator/kafka/authorities.py", "_leaf"),
    ("embedded/operator/embedded_operator/kafka/user_controller.py", "_grant"),
}
BARE_SCRIPT = re.compile(r"""["' ]kafka-[a-z-]+\.sh[ "'].*--""")  # with arguments: it is called, not only named
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
        if path.suffix == ".py" and BARE_SCRIPT.search(line):
            found.append(f"{path}:{number}: a script of Kafka without its folder, which is not on every image's PATH")
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


def sizes_of(path: Path) -> list[str]:
    """What is too large in a file of Python: two subjects, or too many values that travel together."""
    text = path.read_text()
    found = []
    if (lines := text.count("\n")) > LONGEST_MODULE:
        found.append(f"{path}: {lines} lines, more than {LONGEST_MODULE}: split it by subject")
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (str(path), node.name) in ALLOWED:
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        parameters = len([name for name in names if name not in {"self", "cls"}])
        if lines > LONGEST_FUNCTION:
            found.append(f"{path}:{node.lineno}: {node.name} has {lines} lines, more than {LONGEST_FUNCTION}")
        if parameters > MOST_PARAMETERS:
            told = f"{parameters} parameters, more than {MOST_PARAMETERS}: give it a dataclass"
            found.append(f"{path}:{node.lineno}: {node.name} takes {told}")
    return found


def main() -> int:
    """Check all files that git knows or would add; 1 if there is a problem."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    files = [Path(name) for name in listed.stdout.splitlines() if Path(name).is_file()]
    found = [problem for path in files for problem in problems_of(path)]
    held = [path for path in files if path.suffix == ".py" and str(path).startswith(HELD)]
    found += [problem for path in held for problem in sizes_of(path)]
    print("\n".join(found) if found else f"{len(listed.stdout.splitlines())} files checked")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
