#!/usr/bin/python3
"""Prints the tables of docs/DRIVERS.md from what the last test runs have left in the build
folder: table.py [BUILD]."""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
DRIVERS = json.loads((HERE / "drivers.json").read_text())
VARIANTS = {
    "session-plain": "session",
    "session-tls": "session, TLS",
    "transaction-plain": "transaction",
    "auto-plain": "auto, shared",
}


def main(build: pathlib.Path) -> None:
    print(f"| driver | {' | '.join(VARIANTS.values())} | not tried |")
    print("|---|" + "---|" * (len(VARIANTS) + 1))
    notes = []
    for name, entry in DRIVERS.items():
        file = build / "drivers" / f"{name}.json"
        if not file.exists():
            continue
        variants = json.loads(file.read_text())
        cells = [cell(variants.get(variant), notes, entry, variant) for variant in VARIANTS]
        version = next(iter(variants.values()))["driver"]
        print(f"| {version} | {' | '.join(cells)} | {', '.join(entry.get('without', {}))} |")
    print()
    for number, note in enumerate(notes, 1):
        print(f"{number}. {note}.")


def cell(result: dict, notes: list, entry: dict, variant: str) -> str:
    if not result:
        return ""
    known = entry.get("fails", {})
    reasons = {**known.get(variant.split("-")[0], {}), **known.get(variant, {})}
    failed = [step for step, error in result["steps"].items() if error]
    done = len(result["steps"]) - len(failed)
    numbers = []
    for step in failed:
        note = f"*{step}*: {reasons.get(step, 'unexplained')}"
        if note not in notes:
            notes.append(note)
        numbers.append(str(notes.index(note) + 1))
    marks = f" but {', '.join(f'[{number}]' for number in numbers)}" if numbers else ""
    return f"{done}{marks}"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build"))
