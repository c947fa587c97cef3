#!/usr/bin/python3
"""Builds conf/docker/Dockerfile without a container engine, and tries what comes out.

Every stage becomes a folder with a fresh Debian in it, made by debootstrap; RUN lines are
executed there under chroot, COPY lines copy. At the end the image's own entry point runs as
the image's own user: it shows its version, walks the way to a simulated Neon, serves it,
answers its health check and ends on TERM.

    sudo tests/containers/dockerfile_test.py [--base DIR] [--keep DIR] [--neonsim PROGRAM]

It is no part of `./dev test`, since it compiles everything once more, and needs root,
debootstrap and the packages that `./dev test` installs. It reads what stands in this
Dockerfile, not all that a Dockerfile may say: what it does not know is an error.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

PROJECT = pathlib.Path(__file__).resolve().parents[2]
DOCKERFILE = PROJECT / "conf/docker/Dockerfile"
SUITE = "bookworm"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START_TIMEOUT_S = 60
END_TIMEOUT_S = 60


def say(text: str) -> None:
    print(f"-- {text}", flush=True)


# --- reading ---------------------------------------------------------------------------


class Instruction(NamedTuple):
    name: str
    rest: str


def read_instructions(path: pathlib.Path) -> Iterator[Instruction]:
    """One per logical line: comments are gone, continued lines are joined."""
    joined = ""
    for line in path.read_text().splitlines():
        if line.lstrip().startswith("#") or (not joined and not line.strip()):
            continue
        joined += line
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        name, _, rest = joined.strip().partition(" ")
        yield Instruction(name.upper(), rest.strip())
        joined = ""


class Stage:
    """A root folder, and what the Dockerfile says of it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.directory = "/"
        self.user = "0:0"
        self.entrypoint: List[str] = []
        self.command: List[str] = []
        self.health: List[str] = []

    def inside(self, path: str) -> pathlib.Path:
        return self.root / os.path.join(self.directory, path).lstrip("/")


# --- the roots -------------------------------------------------------------------------


def mirror() -> str:
    """Where this machine gets its own packages from."""
    for source in sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*.sources")):
        found = re.search(r"^URIs:\s*(\S+)", source.read_text(), re.MULTILINE)
        if found:
            return found.group(1)
    listed = pathlib.Path("/etc/apt/sources.list").read_text()
    found = re.search(r"^deb\s+(?:\[.*?\]\s+)?(\S+)", listed, re.MULTILINE)
    assert found, "no Debian mirror in /etc/apt"
    return found.group(1)


def make_base(base: pathlib.Path) -> None:
    """What `debian:12` is: a minimal Debian. Sources and DNS are this machine's."""
    if not (base / "etc/debian_version").exists():
        say(f"debootstrap {SUITE} into {base}")
        subprocess.run(["debootstrap", "--variant=minbase", SUITE, base, mirror()], check=True,
                       stdout=subprocess.DEVNULL)
    (base / "etc/apt/sources.list").unlink(missing_ok=True)
    for name in ["sources.list", "sources.list.d/debian.sources"]:
        if pathlib.Path("/etc/apt", name).exists():
            shutil.copy(pathlib.Path("/etc/apt", name), base / "etc/apt" / name)
    shutil.copy("/etc/resolv.conf", base / "etc/resolv.conf")


def copy_root(base: pathlib.Path, to: pathlib.Path) -> None:
    subprocess.run(["cp", "-a", base, to], check=True)


def isolated(stage: Stage, command: Sequence[str]) -> List[str]:
    """The command under the stage's root and user, with mounts and processes of its own:
    they end with it, so nothing stays mounted or running."""
    user, group = stage.user.split(":")
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--root", str(stage.root),
            "--wd", stage.directory, "--mount-proc", "setpriv", "--reuid", user,
            "--regid", group, "--clear-groups", *command]


def environment(**more: str) -> Dict[str, str]:
    return {"PATH": PATH, "HOME": "/root", **more}


# --- the instructions ------------------------------------------------------------------


def context_files() -> List[str]:
    """What is tracked; Dockerfile.dockerignore leaves out hardly anything else."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True,
                            stdout=subprocess.PIPE, text=True)
    return [name for name in listed.stdout.split("\0") if name and (PROJECT / name).exists()]


def copy_whole_context(to: pathlib.Path) -> None:
    for name in context_files():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, to / name, follow_symlinks=False)


class Build:
    def __init__(self, base: pathlib.Path, work: pathlib.Path) -> None:
        self.base = base
        self.work = work
        self.stages: Dict[str, Stage] = {}
        self.last: Optional[Stage] = None

    def run(self) -> Stage:
        for instruction in read_instructions(DOCKERFILE):
            method = getattr(self, "on_" + instruction.name.lower(), None)
            assert method, f"{instruction.name} is not known to this test"
            started = time.monotonic()
            say(f"{instruction.name} {instruction.rest}")
            method(instruction.rest)
            took = time.monotonic() - started
            if took > 1:
                say(f"took {took:.0f} s")
        assert self.last
        return self.last

    def on_from(self, rest: str) -> None:
        found = re.fullmatch(r"debian:12(?:-slim)?(?: AS (\w+))?", rest)
        assert found, f"FROM {rest}: only Debian 12 can be made here"
        name = found.group(1) or "final"
        copy_root(self.base, self.work / name)
        self.last = self.stages[name] = Stage(self.work / name)

    def on_workdir(self, rest: str) -> None:
        self.last.directory = rest
        self.last.inside("").mkdir(parents=True, exist_ok=True)

    def on_copy(self, rest: str) -> None:
        source, to = rest.split()[-2:]
        found = re.match(r"--from=(\w+) ", rest)
        if found:
            whence = self.stages[found.group(1)].inside(source)
        elif source == ".":
            return copy_whole_context(self.last.inside(to))
        else:
            assert source in context_files(), f"{source} is not tracked"
            whence = PROJECT / source
        target = self.last.inside(to)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(whence, target)

    def on_run(self, rest: str) -> None:
        assert not rest.startswith("--"), "options of RUN are not known to this test"
        subprocess.run(isolated(self.last, ["/bin/sh", "-c", rest]), check=True, env=environment(),
                       stdin=subprocess.DEVNULL)

    def on_user(self, rest: str) -> None:
        assert re.fullmatch(r"\d+:\d+", rest), "USER is given by number"
        self.last.user = rest

    def on_expose(self, rest: str) -> None:
        assert rest == "6432"

    def on_healthcheck(self, rest: str) -> None:
        self.last.health = json.loads(rest[rest.index("CMD ") + 4 :])

    def on_entrypoint(self, rest: str) -> None:
        self.last.entrypoint = json.loads(rest)  # exec form: TERM reaches it, not a shell

    def on_cmd(self, rest: str) -> None:
        self.last.command = json.loads(rest)


# --- trying the image ------------------------------------------------------------------


def size_mib(root: pathlib.Path) -> int:
    listed = subprocess.run(["du", "-sxk", root], check=True, stdout=subprocess.PIPE, text=True)
    return int(listed.stdout.split()[0]) // 1024


def missing_libraries(image: Stage) -> str:
    listed = subprocess.run(isolated(image, ["ldd", image.entrypoint[0]]), check=True,
                            env=environment(), stdout=subprocess.PIPE, text=True)
    return "\n".join(line for line in listed.stdout.splitlines() if "not found" in line)


def run_image(image: Stage, arguments: Sequence[str], **more: str) -> subprocess.CompletedProcess:
    command = isolated(image, [*image.entrypoint, *arguments])
    return subprocess.run(command, env=environment(**more), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)


@contextlib.contextmanager
def simulated_neon(program: pathlib.Path) -> Iterator[Dict]:
    simulator = subprocess.Popen([program, "--exit-with-stdin", "--wake", "500"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(simulator.stdout.readline())
    finally:
        simulator.stdin.close()
        simulator.wait(END_TIMEOUT_S)


class Log:
    """What a program writes to its standard error, line by line."""

    def __init__(self, pipe) -> None:
        self.pipe = pipe
        self.unread = b""

    def wait_for(self, pattern: str) -> "re.Match[str]":
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            line, found, rest = self.unread.partition(b"\n")
            if found:
                self.unread = rest
                text = line.decode(errors="replace")
                print("  ", text, flush=True)
                match = re.search(pattern, text)
                if match:
                    return match
                continue
            ready, _, _ = select.select([self.pipe], [], [], deadline - time.monotonic())
            assert ready, f"not said within {START_TIMEOUT_S} s: {pattern}"
            more = os.read(self.pipe.fileno(), 65536)
            assert more, f"ended without having said: {pattern}"
            self.unread += more


def child_of(pid: int) -> int:
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])


def pgballast_url(dsn: str, address: str) -> str:
    found = re.match(r"postgresql://([^@]+)@[^/]+/([^?]+)", dsn)
    assert found
    return f"postgresql://{found.group(1)}@{address}/{found.group(2)}"


def try_serving(image: Stage, dsn: str, control: str, neonsim: pathlib.Path) -> None:
    # The image's own command, on any free ports: this machine may use the usual ones.
    ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    command = [*image.entrypoint, *image.command, *ports]
    served = subprocess.Popen(isolated(image, command), env=environment(NEON_DB_URL=dsn),
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        log = Log(served.stderr)
        address = log.wait_for(r"Z info listening address=(\S+)").group(1)
        admin = log.wait_for(r"admin listening address=(\S+)").group(1)
        say("the health check")
        for _ in range(2):
            health = run_image(image, [*image.health[1:], "--admin", admin])
            print(health.stdout, flush=True)
            assert health.returncode == 0 and image.health[0] == image.entrypoint[0]
        woken = subprocess.run([neonsim, "ctl", "--http", control, "stats"], check=True,
                               stdout=subprocess.PIPE, text=True)
        assert json.loads(woken.stdout)["state"] == "suspended", woken.stdout
        say("a query")
        query = ["psql", "-XAtc", "select 'served: ' || 6 * 7", pgballast_url(dsn, address)]
        answer = subprocess.run(query, check=True, stdout=subprocess.PIPE, text=True).stdout
        assert answer == "served: 42\n", answer
        say("TERM")
        os.kill(child_of(served.pid), signal.SIGTERM)
        log.wait_for(r"info stopped")
        assert served.wait(END_TIMEOUT_S) == 0
    finally:
        if served.poll() is None:
            served.kill()  # unshare's --kill-child takes the rest along
            served.wait()


def try_image(image: Stage, neonsim: pathlib.Path) -> None:
    program = image.root / image.entrypoint[0].lstrip("/")
    say(f"the image is {size_mib(image.root)} MiB, "
        f"pgballast itself {program.stat().st_size / 2**20:.1f} MiB")
    assert not missing_libraries(image), missing_libraries(image)
    version = run_image(image, ["--version"])
    say(f"as user {image.user}: {version.stdout.strip()}")
    assert version.returncode == 0 and version.stdout.startswith("pgballast ")

    config = [*image.command[1:], "--listen", "127.0.0.1:0"]
    nothing = run_image(image, ["check", *config])
    assert nothing.returncode == 78 and "NEON_DB_URL" in nothing.stdout, nothing.stdout
    with simulated_neon(neonsim) as neon:
        checked = run_image(image, ["check", *config], NEON_DB_URL=neon["dsn"])
        print(checked.stdout, flush=True)
        assert checked.returncode == 0
        subprocess.run([neonsim, "ctl", "--http", neon["http"], "suspend"], check=True,
                       stdout=subprocess.DEVNULL)
        try_serving(image, neon["dsn"], neon["http"], neonsim)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build and try conf/docker/Dockerfile.")
    parser.add_argument("--base", type=pathlib.Path,
                        help="a Debian root to start from, made if it is not there")
    parser.add_argument("--keep", type=pathlib.Path, help="build in this folder and leave it")
    parser.add_argument("--neonsim", type=pathlib.Path, default=PROJECT / "build/bin/neonsim",
                        help="the simulator to try the image against (default: build/bin/neonsim)")
    return parser.parse_args()


def places(arguments: argparse.Namespace, scratch: str) -> Tuple[pathlib.Path, pathlib.Path]:
    """The base, and the folder to build in."""
    work = (arguments.keep or pathlib.Path(scratch)).resolve()
    work.mkdir(parents=True, exist_ok=True)
    return (arguments.base or work / "base").resolve(), work


def main() -> None:
    arguments = read_arguments()
    assert os.geteuid() == 0, "chroot needs root"
    assert arguments.neonsim.exists(), f"{arguments.neonsim} is missing: ./dev build"
    with tempfile.TemporaryDirectory(prefix="pgballast-image-") as scratch:
        base, work = places(arguments, scratch)
        make_base(base)
        image = Build(base, work).run()
        try_image(image, arguments.neonsim.resolve())
    say("passed")


if __name__ == "__main__":
    sys.exit(main())
