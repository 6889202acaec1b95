//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
)

// programs are the files that the demo runs, as absolute paths.
type programs struct {
	headgate   string
	prometheus string // or prom-lite, which takes the same flags
	node       string // "" where there is none
}

// findPrograms looks for what to run, on PATH first, then among the unpacked
// packages, and says what it does without.
func findPrograms(o options, out io.Writer) (programs, error) {
	var p programs
	var err error
	if p.headgate, err = executable(o.headgate); err != nil {
		return p, fmt.Errorf("no Headgate to run (%w): build it with 'make build'", err)
	}
	if p.prometheus, err = executable("prometheus", unpacked(o.debs, "prometheus")); err != nil {
		if p.prometheus, err = executable(o.lite); err != nil {
			return p, errors.New("no prometheus on PATH, none unpacked by 'tools/deb prometheus', no prom-lite; 'make demo' brings one of them")
		}
		fmt.Fprintln(out, "No Prometheus here: prom-lite, made of its own parts (bench/prom), takes its place.")
	}
	if p.node, err = executable("prometheus-node-exporter", "node_exporter", unpacked(o.debs, "prometheus-node-exporter")); err != nil {
		fmt.Fprintln(out, "No node exporter here: the demo goes on without it.")
	}
	return p, nil
}

func unpacked(debs, name string) string {
	return filepath.Join(debs, name, "usr", "bin", name)
}

// executable returns the absolute path of the first of names that can be run,
// "" with the error.
func executable(names ...string) (string, error) {
	var err error
	for _, name := range names {
		file, lookErr := exec.LookPath(name)
		if lookErr == nil {
			return filepath.Abs(file)
		}
		err = lookErr
	}
	return "", err
}
