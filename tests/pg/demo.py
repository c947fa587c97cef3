"""Starts the signup demo and asks it.

    with Demo(proxy.dsn(), direct=neon.dsn, neonsim=neon.http) as demo:
        reply = demo.sign_up("testuser@example.com")
"""

import json
import os
import signal
import subprocess
from typing import Any, Dict, Optional

from http_port import TIMEOUT_S, Reply, ask
from process import ends_with_us


class Demo:
    def __init__(self, dsn: str, direct: str = "", neonsim: str = "", admin_port: int = 0) -> None:
        secrets = {
            "SIGNUP_DEMO_DSN": dsn,
            "SIGNUP_DEMO_DIRECT_DSN": direct,
            "SIGNUP_DEMO_NEONSIM": neonsim,
            "SIGNUP_DEMO_PGBALLAST_ADMIN": f"http://127.0.0.1:{admin_port}" if admin_port else "",
        }
        command = [program(), "--listen", "127.0.0.1:0", "--create-tables"]
        self.process = subprocess.Popen(
            ends_with_us(command),
            env={**os.environ, **secrets},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the demo ended with {self.process.wait()} instead of serving")
        self.url: str = json.loads(line)["http"]
        self.port = int(self.url.rsplit(":", 1)[1])

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends it, whatever it waits for, and checks that it ends well."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        assert status == 0, f"the demo ended with {status}"

    def sign_up(self, email: str, path: str = "/auth/signup", **fields: Any) -> Reply:
        return self.post(path, json.dumps({"email": email, "password": "TestPass123", **fields}))

    def post(
        self, path: str, body: str = "", headers: Optional[Dict[str, str]] = None
    ) -> Reply:
        return self.ask("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    def get(self, path: str, headers: Optional[Dict[str, str]] = None) -> Reply:
        return self.ask("GET", path, None, headers or {})

    def state(self) -> dict:
        return self.get("/api/demo/state").json()

    def ask(self, method: str, path: str, body: Optional[str], headers: Dict[str, str]) -> Reply:
        return ask(self.port, path, method, body, headers)


def program() -> str:
    return os.path.join(os.environ.get("PGBALLAST_BUILD", "build"), "bin", "signup-demo")
