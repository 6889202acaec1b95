//go:build unix

package storetest

import (
	"os"
	"os/exec"
	"syscall"
)

// nobody is the user that PostgreSQL runs as where tests run as root, which it
// refuses. 65534 is nobody on every Linux (kernel.overflowuid).
const nobody = 65534

// detach puts a command into a process group of its own, so that a Ctrl-C at
// the tests does not reach it, and takes root's rights from it.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

// giveAway gives dir to the user that PostgreSQL runs as.
func giveAway(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(dir, nobody, nobody)
}
