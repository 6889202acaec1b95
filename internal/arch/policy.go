package arch

import (
	"fmt"
	"slices"
	"strings"
)

// Module is the path under which the packages of this checkout are imported.
const Module = "github.com/headgate/headgate"

// House is who may import whom, among the packages of this checkout, tests
// included: a statement of policy. A line speaks for a package and for those
// below it; "*" stands for everything. What has no line may not exist.
// docs/ARCHITECTURE.md shows the same lines.
const House = `
internal/series
internal/tenant
internal/remotewrite  internal/series
internal/wholefile

profiler              internal/series internal/tenant internal/wholefile
rules                 internal/series internal/tenant
limiter               internal/series internal/tenant
attribution           internal/series internal/tenant

gateway               profiler rules limiter attribution internal/remotewrite internal/series internal/tenant

internal/auth         internal/tenant
internal/store        profiler rules limiter attribution internal/auth internal/series internal/tenant
internal/alert        profiler rules limiter attribution internal/tenant
internal/control      gateway profiler rules limiter attribution internal/store internal/auth internal/alert internal/series internal/tenant
internal/api          internal/control profiler rules limiter attribution internal/auth internal/series internal/tenant
ui                    internal/control profiler rules limiter attribution internal/auth internal/series internal/tenant
ui/browser            ui internal/api internal/control profiler rules limiter attribution internal/auth internal/series internal/tenant

cmd                   *
bench                 gateway profiler rules limiter attribution internal/store internal/remotewrite internal/series internal/tenant
bench/prom            bench gateway profiler rules limiter attribution internal/remotewrite internal/series internal/tenant
internal/arch
`

// unsafeFile is the one file that may import unsafe.
const unsafeFile = "internal/remotewrite/view.go"

// maxLines is how long a file may be. 60 to 250 is the aim.
const maxLines = 600

// forbidden are imports that nothing here needs, and what to use instead. A
// path that ends in /... stands for those below it, too.
var forbidden = map[string]string{
	"C":                               "Go: the binary is built without cgo",
	"log":                             "log/slog",
	"github.com/stretchr/testify/...": "testing and github.com/google/go-cmp/cmp",
	"golang.org/x/crypto/openpgp/...": "nothing: it is abandoned and has known holes",
	"gopkg.in/yaml.v3":                "go.yaml.in/yaml/v3",
}

// meaningless are names of packages and directories that say nothing of what is
// inside, as does whatever ends in util or utils.
var meaningless = []string{
	"base", "common", "core", "helper", "helpers", "lib", "misc", "model", "models",
	"pkg", "services", "shared", "types", "util", "utils",
}

func meansNothing(name string) bool {
	return slices.Contains(meaningless, name) || strings.HasSuffix(name, "util") || strings.HasSuffix(name, "utils")
}

// A policy is the House, parsed: for each package, what it may import.
type policy map[string][]string

func parsePolicy(text string) (policy, error) {
	p := policy{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if _, twice := p[words[0]]; twice {
			return nil, fmt.Errorf("%s has two lines", words[0])
		}
		p[words[0]] = words[1:]
	}
	for owner, allowed := range p {
		for _, a := range allowed {
			if _, known := p[a]; a != "*" && !known {
				return nil, fmt.Errorf("%s may import %s, which has no line", owner, a)
			}
		}
	}
	return p, nil
}

// owner returns the line that speaks for the package in dir: its own, or that
// of the nearest package above it.
func (p policy) owner(dir string) (string, bool) {
	for {
		if _, ok := p[dir]; ok {
			return dir, true
		}
		cut := strings.LastIndexByte(dir, '/')
		if cut < 0 {
			return "", false
		}
		dir = dir[:cut]
	}
}

// allows reports whether a package under the line from may import one under
// the line to.
func (p policy) allows(from, to string) bool {
	if from == to {
		return true
	}
	for _, a := range p[from] {
		if a == "*" || a == to {
			return true
		}
	}
	return false
}
