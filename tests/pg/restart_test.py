"""An ordinary PostgreSQL that restarts: its clients go on, soon after it is back."""

import re
import threading

import psycopg2
import pytest
from pgballast import Pgballast
from queries import value

# Between two attempts, while the server is down or starting: nobody waits for longer, once
# it is back, than for this and the connecting.
PAUSE_MAX_MS = 200


def pauses_ms(proxy: Pgballast) -> list:
    told = re.findall(r"connect failed .*retrying_in=(\d+)ms", proxy.log())
    return [int(each) for each in told]


class Asker(threading.Thread):
    """Asks once."""

    def __init__(self, connection) -> None:
        super().__init__()
        self.connection = connection
        self.answer = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = value(self.connection, "select 'here'")
        except psycopg2.Error as error:
            self.answer = error


@pytest.mark.parametrize("mode", ["transaction", "session"])
@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_idle_clients_are_answered_soon_after_a_restart(
    postgres, start_pgballast, io, how, mode
):
    proxy = start_pgballast(postgres.dsn, io=io, mode=mode)
    clients = [proxy.connect() for _ in range(4)]
    for each in clients:
        assert value(each, "select 1") == 1
    postgres.stop(how)
    askers = [Asker(each) for each in clients]
    proxy.wait_for_line("connect failed")
    postgres.start()
    for each in askers:
        each.join()
    assert [each.answer for each in askers] == ["here"] * len(askers)
    assert max(pauses_ms(proxy)) <= PAUSE_MAX_MS


def test_clients_go_on_when_the_postmaster_was_killed(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn)
    client = proxy.connect()
    assert value(client, "select 1") == 1
    postgres.kill()
    postgres.start()
    asker = Asker(client)
    asker.join()
    assert asker.answer == "here"
    assert max(pauses_ms(proxy), default=0) <= PAUSE_MAX_MS


def test_a_client_that_comes_while_it_is_down_is_let_in_when_it_is_up(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn)
    postgres.stop()
    came = []
    newcomer = threading.Thread(target=lambda: came.append(proxy.connect()))
    newcomer.start()
    proxy.wait_for_line("connect failed")
    postgres.start()
    newcomer.join()
    (connection,) = came
    assert value(connection, "select 1") == 1
    assert max(pauses_ms(proxy)) <= PAUSE_MAX_MS
