"""How soon clients are served again after PostgreSQL was restarted under them.

Each client is connected and has asked once. PostgreSQL is stopped for a while; clients of
one half ask while it is down, those of the other at the moment it is back. An answer's
time counts from that moment.
"""

import selectors
import time

from report import Table
from wire import ServerError

CLIENTS = 10
PATIENCE_SECONDS = 30

COLUMNS = ("asked", "target", "first answer ms", "last answer ms", "errors", "unanswered")


def measure(targets, settings):
    table = Table("recovery", COLUMNS)
    postgres = targets[0]
    down = 1 if settings.quick else 3
    for target in (target for target in targets if target.process):
        target.stop()
        target.start()
        for asked in ("while down", "once back"):
            answers, errors = _outage(postgres, target, down, asked == "while down")
            first, last = (min(answers), max(answers)) if answers else (None, None)
            missing = CLIENTS - len(answers) - len(errors)
            table.add((asked, target.name, first, last, len(errors), missing), raw={"errors": errors})
    return table


def _outage(postgres, target, down_seconds, ask_while_down):
    """Milliseconds from PostgreSQL's return to each answer, and the errors instead of some."""
    clients = [target.connect() for _ in range(CLIENTS)]
    for client in clients:
        client.query()

    postgres.stop()
    waiting, errors = clients, []
    try:
        if ask_while_down:
            waiting = _ask(clients, errors)
        time.sleep(down_seconds)
    finally:
        postgres.launch()
    back = time.monotonic()
    if not ask_while_down:
        waiting = _ask(clients, errors)
    answers = _collect(waiting, errors, back)
    for client in clients:
        client.close()
    return answers, errors


def _ask(clients, errors):
    """Those who could ask; the connections of the others had been closed."""
    asking = []
    for client in clients:
        try:
            client.ask()
            asking.append(client)
        except OSError as error:
            errors.append(str(error))
    return asking


def _collect(clients, errors, back):
    answers = []
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(back + PATIENCE_SECONDS - time.monotonic())
            if not ready:
                break
            for key, _ in ready:
                selector.unregister(key.fileobj)
                try:
                    key.fileobj.answer()
                    answers.append((time.monotonic() - back) * 1000)
                except (OSError, ServerError) as error:
                    errors.append(str(error))
    return answers
