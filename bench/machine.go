package bench

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// A Machine is where figures were measured. What cannot be found is "unknown".
type Machine struct {
	CPU    string
	Cores  int
	Kernel string
	Memory string
	Go     string // of the bench itself
}

// String is one line of text.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s of memory, Linux %s, bench built by %s.", m.CPU, m.Cores, m.Memory, m.Kernel, m.Go)
}

// ThisMachine reads /proc.
func ThisMachine() Machine {
	m := Machine{CPU: procLine("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Kernel: "unknown", Memory: procLine("/proc/meminfo", "MemTotal"), Go: runtime.Version()}
	if family := procLine("/proc/cpuinfo", "model\t"); family != "unknown" {
		m.CPU += fmt.Sprintf(" (family %s model %s)", procLine("/proc/cpuinfo", "cpu family"), family)
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	return m
}

func procLine(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), key) {
			_, value, _ := strings.Cut(s.Text(), ":")
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// VmagentVersion says which vmagent a program is. Debian's build does not know
// its own version; the changelog that its package puts beside it does.
func VmagentVersion(program string) string {
	if v := version(program, "-version"); v != "" {
		return v
	}
	docs := filepath.Join(filepath.Dir(program), "../share/doc/victoria-metrics")
	logs, err := filepath.Glob(filepath.Join(docs, "changelog.Debian.*gz"))
	if err != nil || len(logs) == 0 {
		return "vmagent of unknown version"
	}
	// A rebuild's own changelog (changelog.Debian.amd64.gz) sorts before the
	// package's and is the newer.
	slices.Sort(logs)
	line, err := firstLine(logs[0])
	if err != nil {
		return fmt.Sprintf("vmagent of unknown version (%v)", err)
	}
	_, v, _ := strings.Cut(line, "(")
	v, _, _ = strings.Cut(v, ")")
	return "vmagent of Debian's victoria-metrics " + v
}

// firstLine reads the first line of a compressed file.
func firstLine(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", err
	}
	return bufio.NewReader(z).ReadString('\n')
}

// HeadgateVersion says which Headgate a program is.
func HeadgateVersion(program string) string { return version(program, "version") }

// Commit returns the commit of the checkout, with "and changes" where files
// differ from it.
func Commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	commit := strings.TrimSpace(string(out))
	if changed, err := exec.Command("git", "status", "--porcelain").Output(); err == nil && len(changed) > 0 {
		commit += " and changes"
	}
	return commit
}
