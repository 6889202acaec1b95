//go:build !unix

package storetest

import (
	"errors"
	"os/exec"
)

func detach(*exec.Cmd) {}

func giveAway(string) error {
	return errors.New("a PostgreSQL server for tests needs a Unix system")
}
