"""The subcommands that serve nobody: check, status, hash-password."""

import os
import re
import subprocess

import psycopg2
import pytest
from pgballast import program
from queries import value


def call(*arguments: str, **keywords) -> subprocess.CompletedProcess:
    environment = {**os.environ, **keywords.pop("env", {})}
    command = [program(), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=environment, **keywords
    )


def steps(output: str) -> list:
    return re.findall(r"^  (\S+) +[\d.]+ ms", output, re.MULTILINE)


def test_check_walks_the_way_to_the_upstream_and_tells_the_wake(neonsim):
    neonsim.set(wake=500)
    done = call("check", env={"NEON_DB_URL": neonsim.dsn})
    assert done.returncode == 0, done.stdout
    assert steps(done.stdout) == ["DNS", "TCP", "TLS", "login", "again", "wake"]
    assert "TLSv1.3" in done.stdout
    assert "SCRAM-SHA-256-PLUS" in done.stdout
    assert "PostgreSQL 15" in done.stdout
    assert neonsim.stats()["logins_ok"] == 2  # "*" is the same server


def test_check_says_where_the_way_ends(neonsim, postgres):
    wrong = psycopg2.extensions.make_dsn(neonsim.dsn, password="wrong")
    done = call("check", "--upstream", wrong)
    assert done.returncode == 69
    assert steps(done.stdout) == ["DNS", "TCP", "TLS"]
    assert re.search("FAILED +password authentication failed", done.stdout)

    nowhere = psycopg2.extensions.make_dsn(postgres.dsn, dbname="nosuch")
    done = call("check", "--upstream", nowhere)
    assert done.returncode == 69
    assert 'database "nosuch" does not exist (SQLSTATE 3D000)' in done.stdout


def test_check_names_what_is_wrong_in_a_configuration(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("client_tls: { cert: nosuch.pem }\nlisten: [7]\n")
    done = call("check", "-c", str(broken))
    assert done.returncode == 78
    assert "broken.yaml:2: listen[0]" in done.stderr

    broken.write_text(
        "client_tls: { cert: nosuch.pem }\ndatabases: { a: { upstream: 'postgresql://u@localhost' } }\n"
    )
    done = call("check", "-c", str(broken))
    assert done.returncode == 78
    assert "nosuch.pem" in done.stdout


def test_status_shows_one_line_for_each_pool(postgres, start_pgballast):
    proxy = start_pgballast(postgres.dsn, admin=True)
    client = proxy.connect()
    value(client, "select 1")
    done = call("status", "--admin", f"127.0.0.1:{proxy.admin_port}")
    assert done.returncode == 0, done.stderr
    assert re.search(r"1 of 10000 clients", done.stdout)
    assert re.search(r"^app +transaction +up +1 +0 +1/10 ", done.stdout, re.MULTILINE)


def test_status_says_that_nobody_answers():
    done = call("status", "--admin", "127.0.0.1:1")
    assert done.returncode == 69
    assert "nobody answers at 127.0.0.1:1: Connection refused" in done.stderr


def test_a_hashed_password_logs_in(postgres, start_pgballast):
    verifier = call("hash-password", input="geheim ü\n").stdout.strip()
    proxy = start_pgballast(postgres.dsn, users=[{"name": "me", "scram": verifier}])
    assert value(proxy.connect(user="me", password="geheim ü"), "select 1") == 1
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        proxy.connect(user="me", password="geheim")


def test_no_password_is_an_error():
    done = call("hash-password", input="\n")
    assert done.returncode == 65
    assert "no password" in done.stderr
