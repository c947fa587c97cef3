// The steps with PostgreSQL's JDBC driver: a connection of its own, or with `hikari` one that
// HikariCP pools. The pool is used by reflection, so that one file does without it.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.postgresql.PGConnection;

class UseJdbc {
    interface Act { void run() throws Exception; }

    interface Use<T> { T of(Connection connection) throws Exception; }

    static final BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    static final String copied = IntStream.rangeClosed(1001, 2000)
        .mapToObj(number -> number + "\tcopied\n").collect(Collectors.joining());

    // Either all is done on one connection, or each time one is lent by the pool.
    static Connection own;
    static DataSource pool;

    static <T> T lent(Use<T> use) throws Exception {
        if (pool == null)
            return use.of(own);
        try (Connection connection = pool.getConnection()) {
            return use.of(connection);
        }
    }

    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\s", " ") + '"';
    }

    static void step(String name, Act act) {
        try {
            act.run();
            System.out.println("{\"step\": " + quoted(name) + ", \"ok\": true}");
        } catch (Exception | AssertionError error) {
            System.out.println("{\"step\": " + quoted(name) + ", \"ok\": false, \"error\": "
                + quoted(error.toString()) + "}");
        }
    }

    static void waitForTest(String request) throws Exception {
        System.out.println("{\"step\": " + quoted(request) + "}");
        if (input.readLine() == null)
            System.exit(1);
    }

    static void expect(Object got, Object wanted) {
        if (!got.equals(wanted))
            throw new AssertionError("got " + got + ", not " + wanted);
    }

    static void fails(Act act, String state) throws Exception {
        try {
            act.run();
        } catch (SQLException error) {
            if (!state.equals(error.getSQLState()))
                throw error;
            return;
        }
        throw new AssertionError("it went well, and should not");
    }

    static void run(Connection connection, String text) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(text);
        }
    }

    static int number(Connection connection, String text) throws SQLException {
        try (Statement statement = connection.createStatement();
             ResultSet rows = statement.executeQuery(text)) {
            rows.next();
            return rows.getInt(1);
        }
    }

    static String words(String ids) throws Exception {
        return lent(connection -> {
            String text = "select coalesce(string_agg(id || word, ' ' order by id), 'none')"
                + " from driver_steps where id in (" + ids + ")";
            try (ResultSet rows = connection.createStatement().executeQuery(text)) {
                rows.next();
                return rows.getString(1);
            }
        });
    }

    static PreparedStatement doubled;

    static int twice(Connection connection, int number) throws SQLException {
        // The pool's connections come and go; a statement belongs to one of them.
        PreparedStatement statement = pool != null || doubled == null
            ? connection.prepareStatement("select ?::int * 2") : doubled;
        if (pool == null)
            doubled = statement;
        statement.setInt(1, number);
        try (ResultSet rows = statement.executeQuery()) {
            rows.next();
            return rows.getInt(1);
        } finally {
            if (pool != null)
                statement.close();
        }
    }

    // The driver names a statement when it is executed for the fifth time: prepareThreshold.
    static void doubleTenTimes() throws Exception {
        for (int number = 0; number < 10; ++number) {
            int each = number;
            expect(lent(connection -> twice(connection, each)), 2 * number);
        }
    }

    // It does not know its version, but beside its file is one that is named by it.
    static String versionOfHikari() throws Exception {
        var jar = java.nio.file.Path.of(Class.forName("com.zaxxer.hikari.HikariDataSource")
            .getProtectionDomain().getCodeSource().getLocation().toURI());
        try (var names = java.nio.file.Files.list(jar.getParent())) {
            return names.map(path -> path.getFileName().toString())
                .filter(name -> name.matches("HikariCP-[0-9].*[.]jar")).findFirst().orElse("?")
                .replaceAll("HikariCP-|[.]jar", "");
        }
    }

    static DataSource hikari(String url, Properties properties) throws Exception {
        Class<?> kind = Class.forName("com.zaxxer.hikari.HikariDataSource");
        Object made = kind.getConstructor().newInstance();
        kind.getMethod("setJdbcUrl", String.class).invoke(made, url);
        kind.getMethod("setDataSourceProperties", Properties.class).invoke(made, properties);
        kind.getMethod("setMaximumPoolSize", int.class).invoke(made, 1);
        return (DataSource) made;
    }

    public static void main(String[] arguments) throws Exception {
        boolean pooled = arguments.length > 0 && arguments[0].equals("hikari");
        System.out.println("{\"driver\": \"pgjdbc " + org.postgresql.util.DriverInfo.DRIVER_VERSION
            + (pooled ? ", HikariCP " + versionOfHikari() : "") + "\"}");

        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT")
            + "/" + System.getenv("PGDATABASE");
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        // Or it would SET extra_float_digits at connect, which nothing reports.
        if (!pooled)
            properties.setProperty("assumeMinServerVersion", "9.0");
        properties.setProperty("sslmode", System.getenv("PGSSLMODE"));
        if (!System.getenv("PGSSLROOTCERT").isEmpty())
            properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));

        step("connect", () -> {
            if (pooled)
                pool = hikari(url, properties);
            else
                own = DriverManager.getConnection(url, properties);
            lent(connection -> connection.isValid(5));
        });

        step("simple query", () -> expect(lent(connection -> number(connection, "select 1")), 1));

        waitForTest("ready-for-suspend");
        step("query after a suspend", () ->
            expect(lent(connection -> number(connection, "select 2")), 2));

        step("prepared statement", () -> doubleTenTimes());

        step("commit", () -> {
            lent(connection -> {
                connection.setAutoCommit(false);
                run(connection, "insert into driver_steps values (1, 'kept')");
                connection.commit();
                connection.setAutoCommit(true);
                return 0;
            });
            expect(words("1"), "1kept");
        });

        step("rollback", () -> {
            lent(connection -> {
                connection.setAutoCommit(false);
                run(connection, "insert into driver_steps values (2, 'dropped')");
                connection.rollback();
                connection.setAutoCommit(true);
                return 0;
            });
            expect(words("2"), "none");
        });

        step("savepoint", () -> {
            lent(connection -> {
                connection.setAutoCommit(false);
                run(connection, "insert into driver_steps values (3, 'kept')");
                var here = connection.setSavepoint("here");
                fails(() -> run(connection, "insert into driver_steps values (3, 'twice')"),
                    "23505");
                connection.rollback(here);
                run(connection, "insert into driver_steps values (4, 'kept')");
                connection.commit();
                connection.setAutoCommit(true);
                return 0;
            });
            expect(words("3, 4"), "3kept 4kept");
        });

        step("error", () -> lent(connection -> {
            fails(() -> number(connection, "select 1 / 0"), "22012");
            expect(number(connection, "select 1"), 1);
            return 0;
        }));

        step("copy in", () -> expect(lent(connection -> connection.unwrap(PGConnection.class)
            .getCopyAPI().copyIn("copy driver_steps from stdin", new StringReader(copied))), 1000L));

        step("copy out", () -> {
            StringWriter written = new StringWriter();
            String text = "copy (select * from driver_steps where id > 1000) to stdout";
            lent(connection -> connection.unwrap(PGConnection.class)
                .getCopyAPI().copyOut(text, written));
            expect(written.toString(), copied);
        });

        step("10000 rows", () -> lent(connection -> {
            connection.setAutoCommit(false);  // or all would come at once, whatever the fetch size
            int sum = 0;
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(1000);
                ResultSet rows = statement.executeQuery("select generate_series(1, 10000)");
                while (rows.next())
                    sum += rows.getInt(1);
            }
            connection.commit();
            connection.setAutoCommit(true);
            expect(sum, 50005000);
            return 0;
        }));

        step("large value", () -> lent(connection -> {
            String value = "x".repeat(Integer.parseInt(System.getenv("VALUE_BYTES")));
            try (PreparedStatement statement = connection.prepareStatement("select ?::text")) {
                statement.setString(1, value);
                ResultSet rows = statement.executeQuery();
                rows.next();
                if (!rows.getString(1).equals(value))
                    throw new AssertionError("another value came back");
            }
            return 0;
        }));

        step("cancel", () -> lent(connection -> {
            try (Statement statement = connection.createStatement()) {
                var running = CompletableFuture.runAsync(() -> {
                    try {
                        fails(() -> statement.executeQuery("select pg_sleep(60)"), "57014");
                    } catch (Exception error) {
                        throw new RuntimeException(error);
                    }
                });
                waitForTest("ready-for-cancel");
                statement.cancel();
                running.get();
            }
            expect(number(connection, "select 1"), 1);
            return 0;
        }));

        step("prepared statement after a suspend", () -> {
            doubleTenTimes();  // so that it has a name, whatever the pool has closed
            waitForTest("ready-for-suspend");
            expect(lent(connection -> twice(connection, 21)), 42);
        });

        step("close", () -> {
            if (pooled)
                ((AutoCloseable) pool).close();
            else
                own.close();
        });
        System.exit(0);
    }
}
