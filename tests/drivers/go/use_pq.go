// The steps with database/sql and lib/pq.

package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lib/pq"
)

var background = context.Background()

func number(db *sql.DB, text string, arguments ...interface{}) (got int, err error) {
	err = db.QueryRow(text, arguments...).Scan(&got)
	return
}

func found(db *sql.DB, from, to int) (got string, err error) {
	err = db.QueryRow(fmt.Sprintf(words, from, to)).Scan(&got)
	return
}

// within runs use in a transaction, and ends that with end.
func within(db *sql.DB, use func(*sql.Tx) error, end func(*sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if err := use(tx); err != nil {
		tx.Rollback()
		return err
	}
	return end(tx)
}

func run(tx *sql.Tx, text string) error {
	_, err := tx.Exec(text)
	return err
}

func main() {
	say(map[string]interface{}{"driver": "lib/pq " + version})

	// What libpq takes from the environment, lib/pq does, too.
	db, err := sql.Open("postgres", "")
	if err != nil {
		panic(err)
	}
	db.SetMaxOpenConns(1)

	step("connect", func() error { return db.Ping() })

	step("simple query", func() error {
		got, err := number(db, "select 1")
		return expect(got, 1, err)
	})

	waitForTest("ready-for-suspend")
	step("query after a suspend", func() error {
		got, err := number(db, "select 2")
		return expect(got, 2, err)
	})

	// A pooled statement is prepared again on another connection; that of one connection is not.
	var conn *sql.Conn
	var doubled *sql.Stmt
	double := func(number int) error {
		var got int
		err := doubled.QueryRow(number).Scan(&got)
		return expect(got, 2*number, err)
	}
	prepare := func() (err error) {
		if conn, err = db.Conn(background); err == nil {
			doubled, err = conn.PrepareContext(background, "select $1::int * 2")
		}
		return
	}
	step("prepared statement", func() error {
		if err := prepare(); err != nil {
			return err
		}
		defer conn.Close()
		for number := 0; number < 10; number++ {
			if err := double(number); err != nil {
				return err
			}
		}
		return doubled.Close()
	})

	step("commit", func() error {
		err := within(db, func(tx *sql.Tx) error {
			return run(tx, "insert into driver_steps values (1, 'kept')")
		}, (*sql.Tx).Commit)
		if err != nil {
			return err
		}
		got, err := found(db, 1, 1)
		return expect(got, "1kept", err)
	})

	step("rollback", func() error {
		err := within(db, func(tx *sql.Tx) error {
			return run(tx, "insert into driver_steps values (2, 'dropped')")
		}, (*sql.Tx).Rollback)
		if err != nil {
			return err
		}
		got, err := found(db, 2, 2)
		return expect(got, "none", err)
	})

	step("savepoint", func() error {
		err := within(db, func(tx *sql.Tx) error {
			return first(
				run(tx, "insert into driver_steps values (3, 'kept')"),
				run(tx, "savepoint here"),
				fails(run(tx, "insert into driver_steps values (3, 'twice')"), "duplicate key"),
				run(tx, "rollback to savepoint here"),
				run(tx, "insert into driver_steps values (4, 'kept')"))
		}, (*sql.Tx).Commit)
		if err != nil {
			return err
		}
		got, err := found(db, 3, 4)
		return expect(got, "3kept 4kept", err)
	})

	step("error", func() error {
		_, err := number(db, "select 1 / 0")
		if err := fails(err, "division by zero"); err != nil {
			return err
		}
		got, err := number(db, "select 1")
		return expect(got, 1, err)
	})

	step("copy in", func() error {
		err := within(db, func(tx *sql.Tx) error {
			copying, err := tx.Prepare(pq.CopyIn("driver_steps", "id", "word"))
			if err != nil {
				return err
			}
			for id := 1001; id <= 2000; id++ {
				if _, err := copying.Exec(id, "copied"); err != nil {
					return err
				}
			}
			_, err = copying.Exec()
			return first(err, copying.Close())
		}, (*sql.Tx).Commit)
		if err != nil {
			return err
		}
		got, err := number(db, "select count(*) from driver_steps where word = 'copied'")
		return expect(got, 1000, err)
	})

	step("10000 rows", func() error {
		rows, err := db.Query("select generate_series(1, 10000)")
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
		err := db.QueryRow("select $1::text", value).Scan(&got)
		return expect(got == value, true, err)
	})

	step("cancel", func() error {
		ctx, cancel := context.WithCancel(background)
		done := make(chan error)
		go func() {
			_, err := db.ExecContext(ctx, "select pg_sleep(60)")
			done <- err
		}()
		waitForTest("ready-for-cancel")
		cancel()
		if err := fails(<-done, "canceling statement due to user request"); err != nil {
			return err
		}
		got, err := number(db, "select 1")
		return expect(got, 1, err)
	})

	step("prepared statement after a suspend", func() error {
		if err := prepare(); err != nil {
			return err
		}
		waitForTest("ready-for-suspend")
		return double(21)
	})

	step("close", func() error {
		conn.Close()
		return db.Close()
	})
}
