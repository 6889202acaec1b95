package main

import "syscall"

// ownGroup keeps the terminal's Ctrl-C from a child, which is stopped in order
// instead, and has the kernel kill it when the demo itself is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
