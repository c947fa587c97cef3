#!/usr/bin/python3
"""Dependencies point downwards only, and the pure layers know no socket.

The linker cannot say so: headers alone would get past it.
"""

import re
from typing import Iterator

from lint import File, Finding, main

# What each layer may include of ours, besides itself.
BELOW = {
    "wire": set(),
    "auth": {"wire"},
    "config": {"wire", "auth"},
    "sql": {"wire"},
    "session": {"wire", "sql"},
    "pool": {"wire", "config"},
    "net": {"wire", "config"},
    "proxy": {"wire", "auth", "config", "sql", "session", "pool", "net"},
    "admin": {"wire", "auth", "config", "sql", "session", "pool", "net", "proxy"},
    "cli": {"wire", "auth", "config", "sql", "session", "pool", "net", "proxy", "admin"},
}

# Bytes in, actions out: tested without a kernel, so built without one.
PURE = {"wire", "auth", "config", "sql", "session", "pool"}

IMPURE_HEADER = re.compile(
    r"boost/(asio|beast)|openssl/(ssl|bio)\.h$|liburing|arpa/|netinet/|netdb\.h|poll\.h"
    r"|sys/(socket|un|epoll|poll|select|uio|ioctl)\.h|pthread\.h|thread$|pgballast/net/"
)

LAYER = re.compile(r"(?:include/pgballast|src)/([a-z0-9_]+)/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)
OURS = re.compile(r"pgballast/([a-z0-9_]+)/")


def check(file: File) -> Iterator[Finding]:
    layer = (LAYER.match(file.path) or [None, None])[1]
    if layer is None or not file.is_cpp:
        return
    if layer not in BELOW:
        yield Finding(1, f"layer {layer} has no place in the order of layers.py")
        return

    for include in INCLUDE.finditer(file.text):
        header = include[1]
        line = file.line_of(include.start(1))
        other = OURS.match(header)
        if other and other[1] != layer and other[1] not in BELOW[layer]:
            yield Finding(line, f"{layer} stands below {other[1]}, or beside it: {header}")
        elif layer in PURE and IMPURE_HEADER.match(header):
            yield Finding(line, f"{layer} is pure, and this is input and output: {header}")
        elif header.startswith(".."):
            yield Finding(line, f"a relative path hides the layer: {header}")


if __name__ == "__main__":
    main("layers", check)
