"""An application of many tenants, which row-level security keeps apart by a setting: on few
backends no client ever reads or writes a row of another tenant.

PGBALLAST_TENANT_QUERIES says how many queries there are, all clients together.
"""

import asyncio
import os
import random
from typing import List

import asyncpg
from queries import rows, run

QUERIES = int(os.environ.get("PGBALLAST_TENANT_QUERIES", "5000"))
CLIENTS, TENANTS, BACKENDS = 100, 20, 5
SEED = 1729

SETUP = f"""
    drop schema if exists tenants cascade;
    create schema tenants;
    create table tenants.items (tenant text, n int);
    insert into tenants.items
        select 'tenant ' || t, n from generate_series(0, {TENANTS - 1}) t, generate_series(1, 10 + t) n;
    create table tenants.written (tenant text default current_setting('app.tenant'), meant text);
    alter table tenants.items enable row level security;
    alter table tenants.written enable row level security;
    create policy own on tenants.items using (tenant = current_setting('app.tenant', true));
    create policy own on tenants.written using (tenant = current_setting('app.tenant', true));
    create function tenants.be(name text) returns void language plpgsql as
        $$ begin perform set_config('app.tenant', name, false); end $$;
    grant usage on schema tenants to app;
    grant all on tenants.items, tenants.written to app;
"""

SEEN = "select count(*), min(tenant), max(tenant) from tenants.items"


def items_of(tenant: int) -> tuple:
    return 10 + tenant, f"tenant {tenant}", f"tenant {tenant}"


class Tenant:
    """A client that says who it is, and now and then becomes somebody else."""

    def __init__(self, number: int) -> None:
        self.dice = random.Random(f"{SEED} {number}")
        self.tenant = number % TENANTS
        self.wrong: List[str] = []
        self.writes = 0

    async def work(self, url: str, queries: int) -> None:
        self.client = await asyncpg.connect(url, ssl=False)
        await self.begin()
        for _ in range(queries):
            if self.dice.random() < 0.02:
                self.tenant = self.dice.randrange(TENANTS)
                await self.begin()
            await self.ask()
        await self.client.close()

    async def begin(self) -> None:
        raise NotImplementedError

    async def ask(self) -> None:
        if self.dice.random() < 0.1:
            await self.write()
        self.judge(tuple(await self.client.fetchrow(SEEN)))

    async def write(self) -> None:
        text = "insert into tenants.written (meant) values ($1)"
        await self.client.execute(text, f"tenant {self.tenant}")
        self.writes += 1

    def judge(self, seen: tuple) -> None:
        if seen != items_of(self.tenant):
            self.wrong.append(f"{type(self).__name__} of tenant {self.tenant} saw {seen}")


class ByFunction(Tenant):
    async def begin(self) -> None:
        await self.client.execute(f"select tenants.be('tenant {self.tenant}')")


class ByParameter(Tenant):
    async def begin(self) -> None:
        text = "select set_config('app.tenant', $1, false)"
        await self.client.fetchval(text, f"tenant {self.tenant}")


class InBlocks(Tenant):
    """Outside of them it is nobody."""

    async def begin(self) -> None:
        seen = tuple(await self.client.fetchrow(SEEN))
        if seen != (0, None, None):
            self.wrong.append(f"nobody saw {seen}")

    async def ask(self) -> None:
        async with self.client.transaction():
            await self.client.execute(f"set local app.tenant to 'tenant {self.tenant}'")
            await super().ask()


def in_a_crowd(proxy, kinds: list) -> List[Tenant]:
    clients = [kinds[number % len(kinds)](number) for number in range(CLIENTS)]

    async def all_of_them() -> None:
        await asyncio.gather(*(each.work(proxy.url(), QUERIES // CLIENTS) for each in clients))

    asyncio.run(all_of_them())
    return clients


def test_tenants_never_meet(postgres, start_shared):
    owner = postgres.connect()
    run(owner, SETUP)
    proxy = start_shared(BACKENDS, threads=2, log_level="info")
    clients = in_a_crowd(proxy, [ByFunction, ByParameter, InBlocks])
    assert [wrong for each in clients for wrong in each.wrong] == []
    assert rows(owner, "select * from tenants.written where tenant is distinct from meant") == []
    assert rows(owner, "select count(*) from tenants.written") == [
        (sum(each.writes for each in clients),)
    ]
