"""An ordinary PostgreSQL that restarts: how soon its clients go on."""

import threading
import time

import psycopg2
import pytest
from queries import value

SOON_S = 0.5


class Asker(threading.Thread):
    """Asks once, and notes when the answer came."""

    def __init__(self, connection) -> None:
        super().__init__()
        self.connection = connection
        self.answer = None
        self.answered_at = 0.0
        self.start()

    def run(self) -> None:
        try:
            self.answer = value(self.connection, "select 'here'")
        except psycopg2.Error as error:
            self.answer = error
        self.answered_at = time.monotonic()


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
    ready = postgres.start()
    for each in askers:
        each.join()
    assert [each.answer for each in askers] == ["here"] * len(askers)
    assert max(each.answered_at for each in askers) - ready.at < SOON_S


def test_clients_go_on_when_the_postmaster_was_killed(postgres, start_pgballast):
    client = start_pgballast(postgres.dsn).connect()
    assert value(client, "select 1") == 1
    postgres.kill()
    ready = postgres.start()
    asker = Asker(client)
    asker.join()
    assert asker.answer == "here"
    assert asker.answered_at - ready.at < SOON_S


def test_a_client_that_comes_while_it_is_down_is_let_in_when_it_is_up(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn)
    postgres.stop()
    came = []
    newcomer = threading.Thread(target=lambda: came.append((proxy.connect(), time.monotonic())))
    newcomer.start()
    proxy.wait_for_line("connect failed")
    ready = postgres.start()
    newcomer.join()
    (connection, at), = came
    assert value(connection, "select 1") == 1
    assert at - ready.at < SOON_S
