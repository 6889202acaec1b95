package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/rules"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// blocks returns the YAML of a page, block by block.
func blocks(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		t.Fatalf("%s has no YAML", page)
	}
	return found
}

// readGood reads a configuration without problems.
func readGood(t *testing.T, text string) *Config {
	t.Helper()
	c, problems := readText(t, text)
	if len(problems) > 0 {
		t.Fatalf("%v in\n%s", problems, text)
	}
	return c
}

// The reference names every key of the gateway's section, of limits and of storage,
// with its default.
func TestTheReferenceIsTheDefault(t *testing.T) {
	reference := blocks(t, "docs/CONFIGURATION.md")
	all := readGood(t, reference[0])
	got, want := all.Gateway, DefaultConfig().Gateway
	got.Upstream.Headers, got.TenantUpstreams, got.Credentials = nil, nil, nil // written as empty
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the reference reads as\n%+v, want\n%+v", got, want)
	}
	defaults := DefaultConfig()
	defaults.dir = all.dir
	defaults.resolvePaths()
	if all.Limits.Tenants = nil; !reflect.DeepEqual(all.Limits, defaults.Limits) || all.Storage != defaults.Storage {
		t.Errorf("the reference reads as\n%+v %+v, want\n%+v %+v", all.Limits, all.Storage, defaults.Limits, defaults.Storage)
	}
	for _, keys := range []reflect.Type{reflect.TypeFor[GatewayConfig]().Field(0).Type, reflect.TypeFor[limiter.Config](), reflect.TypeFor[StorageConfig]()} {
		for i := range keys.NumField() {
			if key := keys.Field(i).Tag.Get("yaml"); !strings.Contains(reference[0], "\n  "+key+":") {
				t.Errorf("the reference lacks %s", key)
			}
		}
	}
	for _, text := range reference[1:] {
		readGood(t, text)
	}
}

func TestTheExamplesOfSigningIn(t *testing.T) {
	for _, text := range blocks(t, "docs/AUTH.md") {
		c := readGood(t, text)
		if len(c.Auth.Users) != 2 || c.Auth.OIDC == nil || c.Auth.Session != auth.DefaultConfig().Session {
			t.Errorf("the example reads as\n%+v", c.Auth)
		}
	}
	c := readGood(t, blocks(t, "docs/CONFIGURATION.md")[0])
	if c.Auth.Enabled() || c.Auth.Session != auth.DefaultConfig().Session {
		t.Errorf("the reference reads as\n%+v, want the default", c.Auth)
	}
}

func TestTheExamplesOfTheReadme(t *testing.T) {
	for _, text := range blocks(t, "README.md") {
		switch name, _, _ := strings.Cut(text, "\n"); {
		case name == "# headgate.yml":
			readGood(t, text)
		case strings.HasPrefix(name, "# rules/"):
			if _, problems := rules.ParseFile("rules.yml", []byte(text)); len(problems) > 0 {
				t.Errorf("%v in\n%s", problems, text)
			}
		case name != "# prometheus.yml":
			t.Errorf("an example without a known name: %s", name)
		}
	}
}
