#!/usr/bin/python3
"""Keeps to the coroutines that GCC 12 compiles correctly.

It destroys temporaries twice in `co_await f([t]{…})`, `co_await f(Agg{…})`,
`c ? co_await a() : b`, `Agg a{co_await x(), 1}` and in lambda coroutines that are called
where they stand, and crashes on `switch (co_await x())`; silently, but for the last. See
https://gcc.gnu.org/PR99576, PR100611, PR101243, PR103871.

So not the traps are listed here but what is safe: `co_await` begins a statement, or is all
that is assigned to one variable, initialises it (in an `if` too) or is returned, and nothing
in what it awaits has braces.
"""

import re
from typing import Iterator

from lint import File, Finding, code_of, main

AWAIT = re.compile(r"\bco_await\b")
# Its braces make no aggregate: they are a default argument's type, std::string say.
EXCHANGE = re.compile(r"\bstd::exchange\((\w+), \{\}\)")
LAMBDA_COROUTINE = re.compile(r"->[^;{}()]*\bawaitable\b[^;{}()]*\{")

# What may stand between the end of the statement before and co_await.
SAFE_BEFORE = re.compile(
    r"""\s*
    (?: (?: else | do | (?:case\b[^;?]*|\w+)\s* : (?!:)
        | (?:if|for|while)\s*(?:constexpr\s*)? \( .* \) ) \s* )*
    (?: co_return \s+
      | [\w.]+ (?: -> [\w.]+ )* \s* = \s*
      | (?: if \s* \( \s* )? (?: \[\[maybe_unused\]\]\s* )?
        (?: const\s+ )? [\w:]+ (?: < [^;=]* > )? (?: \s* const )?
        (?: \s*[&*]+\s* | \s+ ) (?: \w+ | \[[\w,\s]+\] ) \s* = \s*
    )? $""",
    re.VERBOSE | re.DOTALL,
)


def statement_start(code: str, offset: int) -> int:
    """Where the statement around `offset` begins; semicolons of `for (;;)` do not end one."""
    depth = 0
    for i in range(offset - 1, -1, -1):
        if code[i] == ")":
            depth += 1
        elif code[i] == "(":
            depth -= 1
        elif code[i] in "{}" or (code[i] == ";" and depth <= 0):
            return i + 1
    return 0


def expression_end(code: str, offset: int) -> int:
    """Where the expression at `offset` ends: a semicolon, comma or closing bracket of its own."""
    depth = 0
    for i in range(offset, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if depth < 0:
                return i
        elif depth == 0 and code[i] == ";":
            return i
    return len(code)


def matching_brace(code: str, offset: int) -> int:
    depth = 0
    for i in range(offset, len(code)):
        depth += {"{": 1, "}": -1}.get(code[i], 0)
        if depth == 0:
            return i
    return len(code) - 1


def check(file: File) -> Iterator[Finding]:
    if not file.is_cpp:
        return
    code = code_of(file.text)

    for found in AWAIT.finditer(code):
        line = file.line_of(found.start())
        end = expression_end(code, found.end())
        awaited = EXCHANGE.sub(r"\1", code[found.end() : end])
        if not SAFE_BEFORE.match(code[statement_start(code, found.start()) : found.start()]):
            yield Finding(line, "co_await within an expression: give its result a name first")
        elif code[end : end + 1] != ";":
            yield Finding(line, "co_await within braces: give its result a name first")
        elif "{" in awaited:
            yield Finding(line, "a lambda or an aggregate within co_await: give it a name first")
        elif "?" in awaited:
            yield Finding(line, "a choice within co_await: write two statements")

    for found in LAMBDA_COROUTINE.finditer(code):
        end = matching_brace(code, found.end() - 1)
        if code[end + 1 :].lstrip().startswith("("):
            yield Finding(file.line_of(end), "a lambda coroutine called where it stands")


if __name__ == "__main__":
    main("coroutines", check)
