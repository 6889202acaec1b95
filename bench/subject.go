package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Subject is a program to measure, with its settings.
type Subject interface {
	// Name is short and says the settings.
	Name() string
	// Start runs the program between a sender and upstream. The caller stops
	// the process.
	Start(ctx context.Context, upstream string) (*Process, error)
}

// Vmagent is VictoriaMetrics' agent as a plain remote-write proxy.
type Vmagent struct {
	Program string
	Setting string
	Drops   []Drop
}

// Name is vmagent and the setting.
func (v *Vmagent) Name() string { return "vmagent " + v.Setting }

// Start runs vmagent. Its queue lies in the process's directory.
func (v *Vmagent) Start(ctx context.Context, upstream string) (*Process, error) {
	dir, addr, err := home(1)
	if err != nil {
		return nil, err
	}
	args := []string{
		"-httpListenAddr=" + addr[0],
		"-remoteWrite.url=" + upstream,
		"-remoteWrite.tmpDataPath=" + filepath.Join(dir, "queue"),
	}
	if len(v.Drops) > 0 {
		file := filepath.Join(dir, "relabel.yml")
		if err := os.WriteFile(file, []byte(relabelConfig(v.Drops)), 0o644); err != nil {
			return nil, err
		}
		args = append(args, "-remoteWrite.urlRelabelConfig="+file)
	}
	base := "http://" + addr[0]
	p := &Process{Name: v.Name(), Write: base + "/api/v1/write", Admin: base, Dir: dir}
	return launch(ctx, p, base+"/health", v.Program, args...)
}

// FindVmagent returns the program, from (in order) the environment variable
// VMAGENT, PATH, and Debian's package unpacked into .cache/deb/victoria-metrics
// of the checkout; "" where there is none.
func FindVmagent() string {
	return find("VMAGENT", "vmagent", ".cache/deb/victoria-metrics/usr/bin/vmagent")
}

// FindHeadgate returns the program, from (in order) the environment variable
// HEADGATE, the folder that builds go to, and PATH; "" where there is none.
func FindHeadgate() string { return find("HEADGATE", "headgate", "bin/headgate") }

func find(env, name, local string) string {
	if p := os.Getenv(env); p != "" {
		return absolute(p)
	}
	candidates := []string{local, name}
	if env == "VMAGENT" {
		candidates = []string{name, local}
	}
	for _, c := range candidates {
		if p, err := exec.LookPath(c); err == nil {
			return absolute(p)
		}
	}
	return ""
}

// absolute makes a path good for a process that runs elsewhere.
func absolute(path string) string {
	if a, err := filepath.Abs(path); err == nil {
		return a
	}
	return path
}

// version asks a program what it is: the first line of what it prints.
func version(program string, args ...string) string {
	if program == "" {
		return "absent"
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("unknown (%v)", err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// home returns a directory of its own and n free addresses.
func home(n int) (string, []string, error) {
	dir, err := os.MkdirTemp("", "headgate-bench-")
	if err != nil {
		return "", nil, err
	}
	addresses := make([]string, n)
	for i := range addresses {
		if addresses[i], err = freeAddress(); err != nil {
			return "", nil, err
		}
	}
	return dir, addresses, nil
}
