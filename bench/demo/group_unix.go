//go:build unix && !linux

package main

import "syscall"

// ownGroup keeps the terminal's Ctrl-C from a child, which is stopped in order
// instead.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
