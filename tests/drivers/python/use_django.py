"""The steps with Django's database layer, which keeps its connection (CONN_MAX_AGE)."""

import io
import os

import django
from django.conf import settings
from steps import *

tls = {name: os.environ[f"PG{name.upper()}"] for name in ["sslmode", "sslrootcert"]}
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ["PGHOST"],
            "PORT": os.environ["PGPORT"],
            "USER": os.environ["PGUSER"],
            "PASSWORD": os.environ["PGPASSWORD"],
            "NAME": os.environ["PGDATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {name: value for name, value in tls.items() if value},
        }
    },
    USE_TZ=True,
)
django.setup()

from django.db import DataError, IntegrityError, OperationalError, connection, models, transaction


class Row(models.Model):
    id = models.IntegerField(primary_key=True)
    word = models.TextField()

    class Meta:
        app_label = "driver_steps"
        db_table = "driver_steps"
        managed = False


def ask(text, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(text, arguments or None)
        return cursor.fetchone()[0] if cursor.description else None


def words(first, last):
    found = Row.objects.filter(id__range=(first, last)).order_by("id")
    return list(found.values_list("id", "word"))


say(driver=f"Django {django.get_version()}")

with step("connect"):
    connection.ensure_connection()

with step("simple query"):
    expect(ask("select 1"), 1)

wait_for_suspend()

with step("query after a suspend"):
    expect(ask("select 2"), 2)

with step("prepared statement"):
    ask("prepare doubled(int) as select $1 * 2")
    for number in range(10):
        expect(ask("execute doubled(%s)", number), 2 * number)

with step("commit"):
    with transaction.atomic():
        Row.objects.create(id=1, word="kept")
    expect(words(1, 1), [(1, "kept")])

with step("rollback"):
    with transaction.atomic():
        Row.objects.create(id=2, word="dropped")
        transaction.set_rollback(True)
    expect(words(2, 2), [])

with step("savepoint"):
    with transaction.atomic():
        Row.objects.create(id=3, word="kept")
        with transaction.atomic():
            here = transaction.savepoint()
            fails(lambda: ask("insert into driver_steps values (3, 'twice')"), IntegrityError)
            transaction.savepoint_rollback(here)
        Row.objects.create(id=4, word="kept")
    expect(words(3, 4), [(3, "kept"), (4, "kept")])

with step("error"):
    fails(lambda: ask("select 1 / 0"), DataError)
    expect(ask("select 1"), 1)

with step("copy in"):
    with connection.cursor() as cursor:
        cursor.copy_expert("copy driver_steps from stdin", io.StringIO(COPIED_TEXT))
    expect(words(1001, 2000), COPIED)

with step("copy out"):
    copied = io.StringIO()
    with connection.cursor() as cursor:
        cursor.copy_expert("copy (select * from driver_steps where id > 1000) to stdout", copied)
    expect(copied.getvalue(), COPIED_TEXT)

with step("10000 rows"):
    # Through a cursor of the server, "with hold" as there is no transaction.
    text = "select id, '' as word from generate_series(1, 10000) id"
    expect(sum(row.id for row in Row.objects.raw(text).iterator()), 50005000)

with step("large value"):
    assert ask("select %s::text", LARGE_VALUE) == LARGE_VALUE

with step("cancel"):
    # Not through its own cursors, which belong to one thread.
    cursor = connection.connection.cursor()
    canceled(
        lambda: cursor.execute("select pg_sleep(60)"),
        connection.connection.cancel,
        Exception,
    )
    expect(ask("select 1"), 1)

wait_for_suspend()

with step("prepared statement after a suspend"):
    expect(ask("execute doubled(21)"), 42)

with step("close"):
    connection.close()
