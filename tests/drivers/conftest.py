"""Which drivers to test, and what serves them."""

import json
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "pg"))  # neonsim, pgballast

DRIVERS = json.loads((HERE / "drivers.json").read_text())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--driver", choices=DRIVERS, help="only this one of drivers.json")
