// Package wholefile replaces files as a whole: who reads one, even after a crash,
// finds what was there before or all of what was written, and never a part.
package wholefile

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
)

// Write replaces the file at path by what write writes, for its owner alone. The
// directory is made where there is none. On error the file stays as it was.
func Write(path string, write func(io.Writer) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // it is gone where all went well
	w := bufio.NewWriterSize(tmp, 1<<20)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = tmp.Sync()
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
