"""What the drivers of applications do through pgballast, step by step: README.md."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
from typing import Dict, Iterator, List, NamedTuple, Optional

import pytest
from conftest import DRIVERS, HERE
from neonsim import NeonSim, wait_until
from pgballast import CannotServe, Pgballast
from queries import rows, run

STEPS = [
    "connect",
    "simple query",
    "query after a suspend",
    "prepared statement",
    "commit",
    "rollback",
    "savepoint",
    "error",
    "copy in",
    "copy out",
    "10000 rows",
    "large value",
    "cancel",
    "prepared statement after a suspend",
    "close",
]

# In mode auto they share one backend with a neighbour, who takes it whenever they think.
VARIANTS = ["session-plain", "session-tls", "transaction-plain", "auto-plain"]

# The large value is sent and received in full size once by each driver that is not made
# "over" another; elsewhere it is one that is still larger than any buffer on its way.
FULL_SIZE_IN = "session-plain"
FULL_SIZE, SMALLER_SIZE = 50_000_000, 1_000_000

BUILD = pathlib.Path(os.environ.get("PGBALLAST_BUILD", "build")).resolve()

RUN_TIMEOUT_S = 60
SEEN_TIMEOUT_S = 15


class Certificates(NamedTuple):
    cert: str
    key: str


class Result(NamedTuple):
    driver: str  # its name and version, as it says
    steps: Dict[str, Optional[str]]  # what it said of each: an error's text, or None
    end: str  # how the program ended, and what it said besides


# What they run against.


@pytest.fixture(scope="session")
def neonsim() -> Iterator[NeonSim]:
    with NeonSim(wake=100) as neonsim:
        yield neonsim


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A self-signed certificate for the address that pgballast listens on, and for the name
    that Node.js wants where it has been given an address."""
    folder = tmp_path_factory.mktemp("tls")
    made = Certificates(str(folder / "cert.pem"), str(folder / "key.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command += ["-keyout", made.key, "-out", made.cert]
    subprocess.run(command, check=True, capture_output=True)
    return made


def serve(neonsim: NeonSim, variant: str, certificates: Certificates) -> Pgballast:
    mode, link = variant.split("-")
    keys = {}
    if link == "tls":
        cert, key = certificates
        keys["client_tls"] = {"mode": "require", "cert": cert, "key": key}
    if mode == "auto":
        keys["pool"] = {"max": 1}
    return Pgballast(neonsim.dsn, mode=mode, **keys)


class Neighbour(threading.Thread):
    """Another client, who changes whatever it can of the session that it has."""

    def __init__(self, proxy: Pgballast) -> None:
        super().__init__()
        self.connection = proxy.connect()
        self.ended = False
        self.at_work = threading.Lock()
        self.turns = 0
        self.error: Optional[Exception] = None
        self.start()

    def run(self) -> None:
        try:
            while not self.ended:
                with self.at_work:
                    self.turn()
                self.turns += 1
                time.sleep(0.002)  # polls: nothing, it leaves the others some time
        except Exception as error:
            self.error = error
        self.connection.close()

    def turn(self) -> None:
        run(self.connection, "set timezone to 'Asia/Tokyo'; set search_path to neighbour")
        run(self.connection, "select set_config('app.tenant', 'neighbour', false)")
        run(self.connection, "prepare doubled as select 'neighbour'")
        run(self.connection, "deallocate doubled")


@contextlib.contextmanager
def neighbour(proxy: Pgballast, variant: str) -> Iterator[threading.Lock]:
    """Gives a lock: who has it, has the proxy to itself."""
    if not variant.startswith("auto"):
        yield threading.Lock()
        return
    other = Neighbour(proxy)
    try:
        yield other.at_work
    finally:
        other.ended = True
        other.join()
    assert other.error is None and other.turns > 0, other.error


@pytest.fixture(scope="session")
def no_tls(neonsim: NeonSim, certificates: Certificates) -> Optional[str]:
    """Why there is no TLS to clients; None if there is."""
    try:
        serve(neonsim, "session-tls", certificates).stop()
    except CannotServe as error:
        if "client_tls: unknown key" not in str(error):
            raise
        return "this pgballast speaks no TLS to clients: it does not know client_tls"
    return None


# How one program is run.


def environment(
    driver: str, proxy: Pgballast, variant: str, certificates: Certificates
) -> Dict[str, str]:
    tls = variant.endswith("-tls")
    full_size = variant == FULL_SIZE_IN and "over" not in DRIVERS[driver]
    own = {name: proxy.upstream[name] for name in ["user", "password", "dbname"]}
    return {
        **os.environ,
        "PGHOST": "127.0.0.1",
        "PGPORT": str(proxy.port),
        "PGUSER": own["user"],
        "PGPASSWORD": own["password"],
        "PGDATABASE": own["dbname"],
        "PGSSLMODE": "verify-full" if tls else "disable",
        "PGSSLROOTCERT": certificates.cert if tls else "",
        "VALUE_BYTES": str(FULL_SIZE if full_size else SMALLER_SIZE),
    }


def sleeps(neonsim: NeonSim) -> bool:
    observer = neonsim.connect_to_postgres()
    try:
        return bool(
            rows(
                observer,
                "select from pg_stat_activity where state = 'active'"
                " and backend_type = 'client backend' and query like 'select pg_sleep%'",
            )
        )
    finally:
        observer.close()


def is_quiet(neonsim: NeonSim) -> bool:
    """All have thought for so long that they have been looked at, where that was due."""
    observer = neonsim.connect_to_postgres()
    try:
        return not rows(
            observer,
            "select from pg_stat_activity where usename = 'neondb_owner'"
            " and (state <> 'idle' or clock_timestamp() - state_change < '50ms')",
        )
    finally:
        observer.close()


def prepare_for(
    request: str, neonsim: NeonSim, proxy: Pgballast, alone: threading.Lock
) -> None:
    """Makes so what a program waits for. If it cannot be made so, its next step will tell."""
    try:
        if request == "ready-for-cancel":
            wait_until(lambda: sleeps(neonsim), SEEN_TIMEOUT_S)
        elif request == "ready-for-suspend":
            known = proxy.count("pool stale")
            with alone:
                wait_until(lambda: is_quiet(neonsim), SEEN_TIMEOUT_S)
                neonsim.suspend()
                wait_until(lambda: proxy.count("pool stale") > known, SEEN_TIMEOUT_S)
    except AssertionError:
        pass


def run_program(
    command: List[str], neonsim: NeonSim, proxy: Pgballast, env: dict, alone: threading.Lock
) -> Result:
    driver, steps = "", {}
    pipe = subprocess.PIPE
    with tempfile.TemporaryFile("w+") as words, subprocess.Popen(
        command, cwd=HERE, env=env, stdin=pipe, stdout=pipe, stderr=words, text=True
    ) as program:
        too_long = threading.Timer(RUN_TIMEOUT_S, program.kill)
        too_long.start()
        for line in program.stdout:
            said = json.loads(line)
            if "driver" in said:
                driver = said["driver"]
            elif said["step"].startswith("ready-for-"):
                prepare_for(said["step"], neonsim, proxy, alone)
                try:
                    os.write(program.stdin.fileno(), b"go on\n")
                except BrokenPipeError:
                    break  # it has ended, and its end is told below
            else:
                steps[said["step"]] = None if said["ok"] else said.get("error") or "not ok"
        program.wait()
        too_long.cancel()
        words.seek(0)
        return Result(driver, steps, f"it ended with {program.returncode}: {words.read()[-4000:]}")


def build(name: str, folder: pathlib.Path) -> List[str]:
    """The command that runs a driver's program, made first if it must be."""
    places = {"program": str(folder / name), "build": str(BUILD)}
    command = DRIVERS[name].get("build")
    if command:
        subprocess.run(["sh", "-ec", command.format(**places)], cwd=HERE, check=True)
    return [word.format(**places) for word in DRIVERS[name]["run"]]


# The runs, each once, and what became of their steps.


@pytest.fixture(scope="session")
def results() -> Iterator[Dict[str, Dict[str, Result]]]:
    """Per driver and variant; filled by `result`, and kept for docs/DRIVERS.md."""
    kept: Dict[str, Dict[str, Result]] = {}
    yield kept
    folder = BUILD / "drivers"
    folder.mkdir(parents=True, exist_ok=True)
    for name, variants in kept.items():
        text = json.dumps({variant: result._asdict() for variant, result in variants.items()})
        (folder / f"{name}.json").write_text(text)


@pytest.fixture
def result(
    driver: str,
    variant: str,
    results: Dict[str, Dict[str, Result]],
    neonsim: NeonSim,
    certificates: Certificates,
    no_tls: Optional[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Result:
    if no_tls and variant.endswith("-tls"):
        pytest.skip(no_tls)
    of_driver = results.setdefault(driver, {})
    if variant not in of_driver:
        with serve(neonsim, variant, certificates) as proxy:
            administrator = neonsim.connect()
            run(administrator, "drop table if exists driver_steps")
            run(administrator, "create table driver_steps (id int primary key, word text)")
            administrator.close()
            command = build(driver, tmp_path_factory.mktemp("program"))
            env = environment(driver, proxy, variant, certificates)
            with neighbour(proxy, variant) as alone:
                of_driver[variant] = run_program(command, neonsim, proxy, env, alone)
        neonsim.reset()
    return of_driver[variant]


def expected_failure(driver: str, variant: str, step: str) -> Optional[str]:
    """Why this step is known to fail, by drivers.json."""
    known = DRIVERS[driver].get("fails", {})
    return known.get(variant, {}).get(step) or known.get(variant.split("-")[0], {}).get(step)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    only = metafunc.config.getoption("driver")
    parameters = [
        pytest.param(driver, variant, step, id=f"{driver}-{variant}-{step}")
        for driver in DRIVERS
        for variant in VARIANTS
        for step in STEPS
        if only in (None, driver) and step not in DRIVERS[driver].get("without", {})
    ]
    metafunc.parametrize("driver,variant,step", parameters)


def test_step(driver: str, variant: str, step: str, result: Result) -> None:
    reason = expected_failure(driver, variant, step)
    if reason and result.steps.get(step):
        pytest.xfail(f"{reason}: {result.steps[step]}")
    assert step in result.steps, f"{step!r} was not reported; {result.end}"
    assert result.steps[step] is None, result.steps[step]
    assert not reason, f"it works, so drivers.json must not say: {reason}"
