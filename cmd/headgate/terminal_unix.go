//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// screenOf returns the terminal that w is, or false.
func screenOf(w io.Writer) (*screen, bool) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, false
	}
	fd := int(f.Fd())
	if _, err := unix.IoctlGetTermios(fd, getTermios); err != nil {
		return nil, false
	}
	return &screen{w: f, size: func() (columns, rows int) {
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err != nil || size.Col == 0 || size.Row == 0 {
			return sizeFromEnv()
		}
		return int(size.Col), int(size.Row)
	}}, true
}

// readKeys makes keys come as they are pressed, Ctrl-C too, and not show. restore
// leaves the terminal as it was. Where f is no terminal there is nothing to do.
func readKeys(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil { // it is no terminal
		return func() {}, nil
	}
	t := *before
	t.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG | unix.IEXTEN
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, setTermios, &t); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, nil
}

// hideInput makes a terminal not show what is typed in, and reports whether f is
// one. restore leaves it as it was.
func hideInput(f *os.File) (restore func(), terminal bool, err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil { // it is no terminal
		return func() {}, false, nil
	}
	t := *before
	t.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, setTermios, &t); err != nil {
		return nil, false, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, true, nil
}
