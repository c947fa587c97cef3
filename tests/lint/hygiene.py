#!/usr/bin/python3
"""What has no place in committed text."""

import re
from typing import Iterator, NamedTuple

from lint import File, Finding, main


class Rule(NamedTuple):
    where: str  # a pattern for the path
    what: str  # a pattern for the text; one bracketed letter keeps it from matching itself
    why: str


RULES = [
    Rule("", r"\b([p]kill|[k]illall|[p]idof)\b", "kills what it has not started: kill by pid"),
    Rule("", r"\b([T]ODO|[F]IXME|[X]XX)\b", "unfinished: finish it, or open an issue"),
    # Waiting for an event needs no sleep. Polling does, and says so on the same line, with
    # `polls:` and what for; measuring the passage of time is a reason too.
    Rule(
        r"tests/",
        r"^(?!.*\bpolls: ).*(\b([s]leep_for|[s]leep_until|[u]sleep|time\.[s]leep)\s*\(|"
        r"^\s*[s]leep\s+[\d.$])",
        "hopes that enough time has passed: wait for the event, or say `polls: what`",
    ),
    Rule(r".*package-lock\.json$", r'"[r]esolved": "http', "a lock file that names a registry's host"),
    Rule(r"(src|include|tools)/", r"\b[u]sing namespace std\s*;", "all of std in one's own namespace"),
]

COMPILED = [(re.compile(r.where), re.compile(r.what, re.MULTILINE), r.why) for r in RULES]


def check(file: File) -> Iterator[Finding]:
    for where, what, why in COMPILED:
        if where.match(file.path):
            for found in what.finditer(file.text):
                yield Finding(file.line_of(found.start()), why)

    if file.path.startswith("include/") and file.is_cpp:
        if not file.text.startswith("// "):
            yield Finding(1, "a public header begins with a comment that says what it is for")
        if "\n#pragma once\n" not in file.text:
            yield Finding(1, "a header without #pragma once")


if __name__ == "__main__":
    main("hygiene", check)
