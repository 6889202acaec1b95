//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package main

import (
	"io"
	"os"
)

// screenOf knows no terminals here: headgate top shows its page once.
func screenOf(io.Writer) (*screen, bool) { return nil, false }

func readKeys(*os.File) (restore func(), err error) { return func() {}, nil }

func hideInput(*os.File) (restore func(), terminal bool, err error) { return func() {}, false, nil }
