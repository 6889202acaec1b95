package storetest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// programs is where a PostgreSQL server's programs are.
type programs struct {
	bin       string // directory
	libraries string // directories, as in LD_LIBRARY_PATH; empty where the system has all
}

// findPrograms takes the first of PATH, the newest that Debian installed, and
// what tools/postgres unpacked into this checkout.
func findPrograms() (programs, error) {
	if found, err := exec.LookPath("postgres"); err == nil {
		// Debian leaves it out of PATH; a link to it may be there without the
		// rest.
		if found, err = filepath.EvalSymlinks(found); err == nil && complete(filepath.Dir(found)) {
			return programs{bin: filepath.Dir(found)}, nil
		}
	}
	if bin, ok := newest("/usr/lib/postgresql/*/bin"); ok {
		return programs{bin: bin}, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return programs{}, err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		cache := filepath.Join(dir, ".cache", "deb")
		if bin, ok := newest(filepath.Join(cache, "*/usr/lib/postgresql/*/bin")); ok {
			libraries, err := filepath.Glob(filepath.Join(cache, "lib*/usr/lib/*-linux-*"))
			return programs{bin, strings.Join(libraries, ":")}, err
		}
	}
	return programs{}, errors.New("the programs of a PostgreSQL server (initdb, postgres) are missing: run 'make postgres'")
}

// newest returns the last directory that a pattern matches and that has what is
// needed. Versions of two digits sort as text.
func newest(pattern string) (string, bool) {
	dirs, _ := filepath.Glob(pattern)
	for _, dir := range slices.Backward(dirs) {
		if complete(dir) {
			return dir, true
		}
	}
	return "", false
}

func complete(bin string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(bin, name)); err != nil {
			return false
		}
	}
	return true
}

// command returns a call of a program, as the user and in the surroundings that
// it needs.
func (p programs) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = "/" // the user that it runs as may have no right to be here
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PG") || strings.HasPrefix(v, "LC_") })
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	if p.libraries != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+p.libraries)
	}
	detach(cmd)
	return cmd
}
