/* The steps with libpq. A step's function returns NULL, or what went wrong. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PGconn *connection;

static void say_string(const char *text) {
    putchar('"');
    for (; *text; ++text) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar('"');
}

static void step(const char *name, const char *(*act)(void)) {
    const char *error = act();
    printf("{\"step\": \"%s\", \"ok\": %s", name, error ? "false" : "true");
    if (error) {
        printf(", \"error\": ");
        say_string(error);
    }
    puts("}");
}

static void wait_for_test(const char *request) {
    char line[100];
    printf("{\"step\": \"%s\"}\n", request);
    if (!fgets(line, sizeof line, stdin))
        exit(1);
}

/* Takes the result. It must hold `wanted` as its first value, or its SQLSTATE be that. */
static const char *expect(PGresult *result, const char *wanted) {
    static char error[1000];
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *got = sqlstate ? sqlstate : PQntuples(result) ? PQgetvalue(result, 0, 0) : "";
    const int as_wanted = strcmp(got, wanted) == 0;
    snprintf(error, sizeof error, "got '%.50s', not '%s': %s", got, wanted,
             result ? PQresultErrorMessage(result) : PQerrorMessage(connection));
    PQclear(result);
    return as_wanted ? NULL : error;
}

static const char *ask(const char *text, const char *wanted) {
    return expect(PQexec(connection, text), wanted);
}

#define TRY(what) do { const char *wrong = (what); if (wrong) return wrong; } while (0)

static const char *words(const char *ids, const char *wanted) {
    char text[200];
    snprintf(text, sizeof text,
             "select coalesce(string_agg(id || word, ' ' order by id), 'none')"
             " from driver_steps where id in (%s)", ids);
    return ask(text, wanted);
}

static const char *connect_to_it(void) {
    connection = PQconnectdb("");
    return PQstatus(connection) == CONNECTION_OK ? NULL : PQerrorMessage(connection);
}

static const char *simple_query(void) { return ask("select 1", "1"); }

static const char *query_after_a_suspend(void) { return ask("select 2", "2"); }

static const char *double_it(int number) {
    char argument[12], wanted[12];
    const char *arguments[] = {argument};
    snprintf(argument, sizeof argument, "%d", number);
    snprintf(wanted, sizeof wanted, "%d", 2 * number);
    return expect(PQexecPrepared(connection, "doubled", 1, arguments, NULL, NULL, 0), wanted);
}

static const char *prepared_statement(void) {
    TRY(expect(PQprepare(connection, "doubled", "select $1::int * 2", 0, NULL), ""));
    for (int number = 0; number < 10; ++number)
        TRY(double_it(number));
    return NULL;
}

static const char *prepared_statement_after_a_suspend(void) { return double_it(21); }

static const char *commit(void) {
    TRY(ask("begin", ""));
    TRY(ask("insert into driver_steps values (1, 'kept')", ""));
    TRY(ask("commit", ""));
    return words("1", "1kept");
}

static const char *rollback(void) {
    TRY(ask("begin", ""));
    TRY(ask("insert into driver_steps values (2, 'dropped')", ""));
    TRY(ask("rollback", ""));
    return words("2", "none");
}

static const char *savepoint(void) {
    TRY(ask("begin", ""));
    TRY(ask("insert into driver_steps values (3, 'kept')", ""));
    TRY(ask("savepoint here", ""));
    TRY(ask("insert into driver_steps values (3, 'twice')", "23505"));
    TRY(ask("rollback to savepoint here", ""));
    TRY(ask("insert into driver_steps values (4, 'kept')", ""));
    TRY(ask("commit", ""));
    return words("3, 4", "3kept 4kept");
}

static const char *error(void) {
    TRY(ask("select 1 / 0", "22012"));
    return ask("select 1", "1");
}

static const char *copy_in(void) {
    char line[40];
    PQclear(PQexec(connection, "copy driver_steps from stdin"));
    for (int number = 1001; number <= 2000; ++number) {
        snprintf(line, sizeof line, "%d\tcopied\n", number);
        if (PQputCopyData(connection, line, (int)strlen(line)) != 1)
            return PQerrorMessage(connection);
    }
    if (PQputCopyEnd(connection, NULL) != 1)
        return PQerrorMessage(connection);
    TRY(expect(PQgetResult(connection), ""));
    if (PQgetResult(connection))
        return "more than one result";
    return ask("select count(*) from driver_steps where word = 'copied'", "1000");
}

static const char *copy_out(void) {
    char *line, wanted[40];
    int number = 1001, size;
    PQclear(PQexec(connection, "copy (select * from driver_steps where id > 1000) to stdout"));
    while ((size = PQgetCopyData(connection, &line, 0)) > 0) {
        snprintf(wanted, sizeof wanted, "%d\tcopied\n", number++);
        const int differs = strcmp(line, wanted);
        PQfreemem(line);
        if (differs)
            return "another line was expected";
    }
    TRY(expect(PQgetResult(connection), ""));
    if (PQgetResult(connection))
        return "more than one result";
    return number == 2001 ? NULL : "not 1000 lines";
}

static const char *ten_thousand_rows(void) {
    long sum = 0;
    PGresult *row;
    if (!PQsendQuery(connection, "select generate_series(1, 10000)"))
        return PQerrorMessage(connection);
    PQsetSingleRowMode(connection);
    while ((row = PQgetResult(connection))) {
        if (PQresultStatus(row) == PGRES_SINGLE_TUPLE)
            sum += atol(PQgetvalue(row, 0, 0));
        PQclear(row);
    }
    return sum == 50005000 ? NULL : PQerrorMessage(connection);
}

static const char *large_value(void) {
    const size_t size = (size_t)atol(getenv("VALUE_BYTES"));
    char *value = malloc(size + 1);
    const char *values[] = {value};
    memset(value, 'x', size);
    value[size] = 0;
    PGresult *got = PQexecParams(connection, "select $1::text", 1, NULL, values, NULL, NULL, 0);
    const int same = PQntuples(got) == 1 && strcmp(PQgetvalue(got, 0, 0), value) == 0;
    PQclear(got);
    free(value);
    return same ? NULL : PQerrorMessage(connection);
}

static const char *cancel(void) {
    static char error[256];
    if (!PQsendQuery(connection, "select pg_sleep(60)"))
        return PQerrorMessage(connection);
    wait_for_test("ready-for-cancel");
    PGcancel *request = PQgetCancel(connection);
    const int sent = PQcancel(request, error, sizeof error);
    PQfreeCancel(request);
    if (!sent)
        return error;
    TRY(expect(PQgetResult(connection), "57014"));
    if (PQgetResult(connection))
        return "more than one result";
    return ask("select 1", "1");
}

static const char *close_it(void) {
    PQfinish(connection);
    return NULL;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    const int version = PQlibVersion();
    printf("{\"driver\": \"libpq %d.%d\"}\n", version / 10000, version % 10000);

    step("connect", connect_to_it);
    step("simple query", simple_query);
    wait_for_test("ready-for-suspend");
    step("query after a suspend", query_after_a_suspend);
    step("prepared statement", prepared_statement);
    step("commit", commit);
    step("rollback", rollback);
    step("savepoint", savepoint);
    step("error", error);
    step("copy in", copy_in);
    step("copy out", copy_out);
    step("10000 rows", ten_thousand_rows);
    step("large value", large_value);
    step("cancel", cancel);
    wait_for_test("ready-for-suspend");
    step("prepared statement after a suspend", prepared_statement_after_a_suspend);
    step("close", close_it);
    return 0;
}
