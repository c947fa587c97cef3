"""Results: a table to read, JSON to keep."""

import datetime
import json
import os
import pathlib
import platform

RESULTS = pathlib.Path(__file__).resolve().parent / "results"


class Table:
    def __init__(self, name, columns):
        self.name = name
        self.columns = columns
        self.rows = []
        self.raw = []

    def add(self, row, raw=None):
        """`raw` is what the row was made from, for the JSON only."""
        self.rows.append(row)
        self.raw.append(raw)

    def __str__(self):
        cells = [self.columns, *([_cell(value) for value in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells)]
        is_text = [isinstance(value, str) for value in self.rows[0]] if self.rows else []
        lines = []
        for row in cells:
            padded = (
                cell.ljust(width) if text else cell.rjust(width)
                for cell, width, text in zip(row, widths, is_text)
            )
            lines.append("  ".join(padded).rstrip())
        return "\n".join([f"\n{self.name}", *lines])

    def as_json(self):
        rows = (dict(zip(self.columns, row)) for row in self.rows)
        return [{**row, **(raw or {})} for row, raw in zip(rows, self.raw)]


def ratio(value, reference):
    """None unless both are known."""
    return value / reference if value is not None and reference else None


def _cell(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)


def machine():
    """What a figure is worth depends on where it was measured."""
    model = next(
        (line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release()}


def save(settings, versions, tables):
    """Writes everything, raw samples too. Returns the path."""
    now = datetime.datetime.now(datetime.timezone.utc)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    result = {"time": now.isoformat(timespec="seconds"), "machine": machine(), "versions": versions,
              "settings": settings, **{table.name: table.as_json() for table in tables}}  # fmt: skip
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return path
