#include "pgballast/sql/rule_u.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::sql;

TEST_CASE("one statement that writes or reads rows leaves nothing when it is rolled back") {
    for (const auto* text : {
             "select 1",
             "insert into t values (nextval('s'))",
             "insert into t (a) values ($1) on conflict do nothing returning a",
             "update t set a = f(a)",
             "delete from t using u where t.a = u.a;",
             "merge into t using u on t.a = u.a when not matched then insert values (1)",
             "with x as (insert into t values (1) returning a) select * from x",
             "select * from t for update",
             "values (1)",
             "select pg_notify('x', 'y'), pg_advisory_xact_lock(1), pg_sleep(1)",
             "select query_to_xml('select 1', true, true, '')",
             "select 'pg_switch_wal()', 'dblink'",
             "select * from pg_stat_activity, pg_replication_slots",
             "/* pg_switch_wal() */ select 1 -- setval",
         }) {
        CAPTURE(text);
        CHECK(rule_u_allows(text));
    }
}

TEST_CASE("other statements, several, and none are not under rule U") {
    for (const auto* text : {
             "",
             ";",
             "select 1; select 1",
             "insert into t values (1); commit",
             "begin; insert into t values (1)",
             "commit",
             "commit prepared 'x'",
             "call p()",
             "do 'begin end'",
             "copy t from stdin",
             "copy t to program 'mail'",
             "select 1 into t",
             "create table t as select 1",
             "explain analyze insert into t values (1)",
             "execute p",
             "vacuum",
             "create database x",
             "truncate t",
             "set x.y = 1",
             "nonsense",
         }) {
        CAPTURE(text);
        CHECK_FALSE(rule_u_allows(text));
    }
}

TEST_CASE("a function whose effects last is found wherever it is called") {
    for (const auto* text : {
             "select pg_create_physical_replication_slot('x')",
             "select * from pg_create_logical_replication_slot('x', 'test_decoding')",
             "select pg_drop_replication_slot('x')",
             "select pg_copy_physical_replication_slot('x', 'y')",
             "select pg_replication_slot_advance('x', '0/0')",
             "select * from pg_logical_slot_get_changes('x', null, null)",
             "select pg_logical_emit_message(false, 'x', 'y')",
             "select pg_switch_wal()",
             "select PG_SWITCH_WAL()",
             "select \"pg_switch_wal\"()",
             "select U&\"pg!005fswitch_wal\" uescape '!' ()",
             "select pg_catalog.pg_switch_wal()",
             "select pg_create_restore_point('x')",
             "select pg_promote()",
             "select pg_terminate_backend(pid) from pg_stat_activity",
             "select pg_cancel_backend(1)",
             "select (1).pg_cancel_backend",
             "select g.pg_cancel_backend from generate_series(1, 1) g",
             "select pg_reload_conf()",
             "select pg_rotate_logfile()",
             "select pg_stat_reset()",
             "select pg_stat_reset_shared('bgwriter')",
             "select pg_stat_statements_reset()",
             "select lo_export(1, '/tmp/x')",
             "select pg_file_write('x', 'y', false)",
             "select pg_backup_start('x')",
             "select pg_start_backup('x')",
             "select pg_stop_backup()",
             "select dblink_exec('x')",
             "select * from dblink('…', 'select 1') as t(a int)",
             "select pg_wal_replay_pause()",
             "select setval('s', 1)",
             "insert into t values (setval('s', 1))",
             "insert into t select f(g(pg_switch_wal()))",
             "update t set a = 1 where b = (select pg_promote())",
             "delete from t returning pg_reload_conf()",
             "with x as (select pg_switch_wal()) select * from x",
             "merge into t using u on t.a = u.a when matched then update set a = setval('s', 1)",
             "select 1 union all select 2 where pg_promote()",
             "select case when true then array[pg_promote()] end",
             "select count(*) filter (where pg_promote()) over (order by pg_promote()) from t",
         }) {
        CAPTURE(text);
        CHECK_FALSE(rule_u_allows(text));
    }
}
