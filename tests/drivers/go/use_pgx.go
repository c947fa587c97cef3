// The steps with pgx.

package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v4"
)

var background = context.Background()

func number(conn *pgx.Conn, text string, arguments ...interface{}) (got int, err error) {
	err = conn.QueryRow(background, text, arguments...).Scan(&got)
	return
}

func found(conn *pgx.Conn, from, to int) (got string, err error) {
	// A simple query: what has parameters, pgx prepares and keeps.
	err = conn.QueryRow(background, fmt.Sprintf(words, from, to), simple).Scan(&got)
	return
}

const simple = pgx.QuerySimpleProtocol(true)

func run(tx pgx.Tx, text string) error {
	_, err := tx.Exec(background, text)
	return err
}

func main() {
	say(map[string]interface{}{"driver": "pgx " + version})

	var conn *pgx.Conn
	step("connect", func() (err error) {
		conn, err = pgx.Connect(background, "")
		return
	})

	step("simple query", func() error {
		got, err := number(conn, "select 1", simple)
		return expect(got, 1, err)
	})

	waitForTest("ready-for-suspend")
	step("query after a suspend", func() error {
		got, err := number(conn, "select 2", simple)
		return expect(got, 2, err)
	})

	step("prepared statement", func() error {
		if _, err := conn.Prepare(background, "doubled", "select $1::int * 2"); err != nil {
			return err
		}
		for each := 0; each < 10; each++ {
			got, err := number(conn, "doubled", each)
			if err := expect(got, 2*each, err); err != nil {
				return err
			}
		}
		return nil
	})

	step("commit", func() error {
		err := conn.BeginFunc(background, func(tx pgx.Tx) error {
			return run(tx, "insert into driver_steps values (1, 'kept')")
		})
		if err != nil {
			return err
		}
		got, err := found(conn, 1, 1)
		return expect(got, "1kept", err)
	})

	step("rollback", func() error {
		tx, err := conn.Begin(background)
		if err != nil {
			return err
		}
		err = first(
			run(tx, "insert into driver_steps values (2, 'dropped')"), tx.Rollback(background))
		if err != nil {
			return err
		}
		got, err := found(conn, 2, 2)
		return expect(got, "none", err)
	})

	step("savepoint", func() error {
		err := conn.BeginFunc(background, func(tx pgx.Tx) error {
			if err := run(tx, "insert into driver_steps values (3, 'kept')"); err != nil {
				return err
			}
			twice := tx.BeginFunc(background, func(sp pgx.Tx) error { // which is a savepoint
				return run(sp, "insert into driver_steps values (3, 'twice')")
			})
			return first(
				fails(twice, "duplicate key"),
				run(tx, "insert into driver_steps values (4, 'kept')"))
		})
		if err != nil {
			return err
		}
		got, err := found(conn, 3, 4)
		return expect(got, "3kept 4kept", err)
	})

	step("error", func() error {
		_, err := number(conn, "select 1 / 0")
		if err := fails(err, "division by zero"); err != nil {
			return err
		}
		got, err := number(conn, "select 1")
		return expect(got, 1, err)
	})

	step("copy in", func() error {
		rows := [][]interface{}{}
		for id := 1001; id <= 2000; id++ {
			rows = append(rows, []interface{}{id, "copied"})
		}
		copied, err := conn.CopyFrom(background, pgx.Identifier{"driver_steps"},
			[]string{"id", "word"}, pgx.CopyFromRows(rows))
		return expect(copied, int64(1000), err)
	})

	step("copy out", func() error {
		var out bytes.Buffer
		_, err := conn.PgConn().CopyTo(background, &out,
			"copy (select * from driver_steps where id > 1000) to stdout")
		return expect(strings.Count(out.String(), "\tcopied\n"), 1000, err)
	})

	step("10000 rows", func() error {
		rows, err := conn.Query(background, "select generate_series(1, 10000)")
		if err != nil {
			return err
		}
		defer rows.Close()
		sum := 0
		for rows.Next() {
			var each int
			if err := rows.Scan(&each); err != nil {
				return err
			}
			sum += each
		}
		return expect(sum, 50005000, rows.Err())
	})

	step("large value", func() error {
		value, got := largeValue(), ""
		err := conn.QueryRow(background, "select $1::text", value).Scan(&got)
		return expect(got == value, true, err)
	})

	step("cancel", func() error {
		done := make(chan error)
		go func() {
			_, err := conn.Exec(background, "select pg_sleep(60)")
			done <- err
		}()
		waitForTest("ready-for-cancel")
		// A context that ends would close the connection instead.
		if err := conn.PgConn().CancelRequest(background); err != nil {
			return err
		}
		if err := fails(<-done, "canceling statement due to user request"); err != nil {
			return err
		}
		got, err := number(conn, "select 1", simple)
		return expect(got, 1, err)
	})

	waitForTest("ready-for-suspend")
	step("prepared statement after a suspend", func() error {
		got, err := number(conn, "doubled", 21)
		return expect(got, 42, err)
	})

	step("close", func() error { return conn.Close(background) })
}
