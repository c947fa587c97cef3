"""Memory of a client that does nothing, as most do most of the time."""

from report import Table, ratio

COLUMNS = ("idle clients", "target", "rss KiB", "bytes/client", "ratio")


def measure(targets, settings):
    counts = [200] if settings.quick else [1000, 5000]
    table = Table("idle", COLUMNS)
    for count in counts:
        rows = []
        for target in (target for target in targets if target.process):
            rows.append((target.name, *_memory_with(target, count)))
        reference = dict((name, each) for name, _, each in rows).get("pgbouncer")
        for name, rss, each in rows:
            table.add((count, name, rss / 1024, each, ratio(each, reference)))
    return table


def _memory_with(target, count):
    """RSS with `count` idle clients, and by how much each raised it; of a fresh process.

    Each has logged in and asked once: buffers it took for that have been given back, or not.
    """
    target.stop()
    target.start()
    target.connect().query()  # what is allocated once is not the clients'
    before = target.process.rss_bytes()
    clients = []
    try:
        for _ in range(count):
            clients.append(target.connect())
            clients[-1].query()
        rss = target.process.rss_bytes()
    finally:
        for client in clients:
            client.close()
    return rss, (rss - before) / count
