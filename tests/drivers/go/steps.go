// How a driver's program tells the test what it did: see ../README.md.

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// version is the driver's, told to the linker: its source does not know it.
var version string

var input = bufio.NewReader(os.Stdin)

func say(what map[string]interface{}) {
	text, _ := json.Marshal(what)
	fmt.Println(string(text))
}

func step(name string, act func() error) {
	said := map[string]interface{}{"step": name, "ok": true}
	if err := act(); err != nil {
		said["ok"], said["error"] = false, err.Error()
	}
	say(said)
}

// waitForTest returns once the test has done what is asked for.
func waitForTest(request string) {
	say(map[string]interface{}{"step": request})
	if _, err := input.ReadString('\n'); err != nil {
		os.Exit(1)
	}
}

func expect(got, wanted interface{}, err error) error {
	if err == nil && got != wanted {
		err = fmt.Errorf("got %v, not %v", got, wanted)
	}
	return err
}

// fails wants an error with this in its text.
func fails(err error, text string) error {
	if err == nil {
		return fmt.Errorf("it went well, and should not")
	}
	if !strings.Contains(err.Error(), text) {
		return err
	}
	return nil
}

// first is the first error there is.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func largeValue() string {
	size, _ := strconv.Atoi(os.Getenv("VALUE_BYTES"))
	return strings.Repeat("x", size)
}

const words = "select coalesce(string_agg(id || word, ' ' order by id), 'none')" +
	" from driver_steps where id between %d and %d"
