"""What the lints share: the files they read, C++ without its comments, and main().

A lint is a function from a file to its findings. Its samples, under samples/<name>/, are a
small tree of files in which every line that must be found ends in the word `BAD`; the
self-test fails if the lint finds one line more or less. So a lint that has gone blind, or
mad, is noticed.
"""

import argparse
import os
import pathlib
import re
import sys
from typing import Callable, Iterable, Iterator, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = pathlib.Path(__file__).resolve().parent / "samples"
NOT_OURS = {".git", "build", "node_modules", "results", "samples", "__pycache__", ".pytest_cache"}


class File(NamedTuple):
    path: str  # relative to the tree, with slashes
    text: str

    @property
    def is_cpp(self) -> bool:
        return self.path.endswith((".hpp", ".cpp"))

    def line_of(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1


class Finding(NamedTuple):
    line: int
    message: str


Check = Callable[[File], Iterable[Finding]]


def files_below(root: pathlib.Path) -> Iterator[File]:
    """Every text file that is ours, in a stable order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - NOT_OURS)
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if path.is_symlink():
                continue
            try:
                yield File(path.relative_to(root).as_posix(), path.read_text("utf-8"))
            except UnicodeDecodeError:
                continue  # an image, a font, a fuzzer's seed


NOT_CODE = re.compile(
    r'R"(?P<tag>[^ ()\\\n]*)\((?s:.*?)\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'"  # not the separator of 10'000
    r"|//[^\n]*"
    r"|/\*(?s:.*?)\*/"
)


def code_of(text: str) -> str:
    """C++ with comments and literals blanked out, every offset where it was."""
    return NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _report(root: pathlib.Path, check: Check) -> int:
    findings = [(file.path, *found) for file in files_below(root) for found in check(file)]
    for path, line, message in findings:
        print(f"{path}:{line}: {message}")
    return 1 if findings else 0


def _self_test(samples: pathlib.Path, check: Check) -> int:
    wanted, found = set(), set()
    for file in files_below(samples):
        for number, line in enumerate(file.text.splitlines(), 1):
            if re.search(r"\bBAD\b", line):
                wanted.add((file.path, number))
        found |= {(file.path, finding.line) for finding in check(file)}
    for path, line in sorted(wanted - found):
        print(f"{samples.name}/{path}:{line}: not found, and should be")
    for path, line in sorted(found - wanted):
        print(f"{samples.name}/{path}:{line}: found, and is fine")
    if not wanted:
        print(f"{samples}: no bad sample: nothing is proven")
    return 0 if wanted and wanted == found else 1


def main(name: str, check: Check) -> None:
    """Checks the tree, or with --self-test the lint itself. Exits with 1 on findings."""
    options = argparse.ArgumentParser(description=f"lint: {name}")
    options.add_argument("--self-test", action="store_true")
    options.add_argument("--root", type=pathlib.Path, default=ROOT)
    arguments = options.parse_args()
    if arguments.self_test:
        sys.exit(_self_test(SAMPLES / name, check))
    sys.exit(_report(arguments.root, check))
