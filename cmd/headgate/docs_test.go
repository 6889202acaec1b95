package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/auth"
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

// The reference is the default, section by section.
func TestTheReferenceIsTheDefault(t *testing.T) {
	reference := blocks(t, "docs/CONFIGURATION.md")
	got, want := readGood(t, reference[0]), DefaultConfig()
	want.dir = got.dir
	want.resolvePaths()
	for _, section := range []struct {
		name      string
		got, want any
	}{
		{"gateway", &got.Gateway, &want.Gateway},
		{"profiler", &got.Profiler, &want.Profiler},
		{"rules", &got.Rules, &want.Rules},
		{"limits", &got.Limits, &want.Limits},
		{"attribution", &got.Attribution, &want.Attribution},
		{"usage", &got.Usage, &want.Usage},
		{"storage", &got.Storage, &want.Storage},
		{"auth", &got.Auth, &want.Auth},
	} {
		emptied(reflect.ValueOf(section.got).Elem())
		emptied(reflect.ValueOf(section.want).Elem())
		if !reflect.DeepEqual(section.got, section.want) {
			t.Errorf("the reference of %s reads as\n%+v, want\n%+v", section.name, section.got, section.want)
		}
	}
	for _, text := range reference[1:] {
		readGood(t, text)
	}
}

// emptied makes empty lists and maps, which the reference writes, absent ones.
func emptied(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				emptied(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Map:
		if v.Len() == 0 {
			v.SetZero()
		}
	}
}

// keysOf calls found with every key that a type of the configuration has. The keys of
// maps are *, and what Prometheus' own libraries read is theirs.
func keysOf(t reflect.Type, path string, found func(string)) {
	switch {
	case t == reflect.TypeFor[config.HTTPClientConfig]():
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer:
		keysOf(t.Elem(), path, found)
	case t.Kind() == reflect.Map:
		keysOf(t.Elem(), path+".*", found)
	case t.Kind() == reflect.Struct:
		for f := range t.Fields() {
			switch key, option, _ := strings.Cut(f.Tag.Get("yaml"), ","); {
			case option == "inline":
				keysOf(f.Type, path, found)
			case key != "":
				found(path + "." + key)
				keysOf(f.Type, path+"."+key, found)
			}
		}
	}
}

// noteKeys notes the keys in v, a part of an example, as keysOf writes them.
func noteKeys(v any, path string, keys map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			noteKeys(item, path, keys)
		}
	case map[string]any:
		for key, item := range v {
			for _, p := range []string{path + "." + key, path + ".*"} {
				keys[p] = true
				noteKeys(item, p, keys)
			}
		}
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	keys := map[string]bool{}
	for _, page := range []string{"docs/CONFIGURATION.md", "docs/AUTH.md"} {
		for _, text := range blocks(t, page) {
			var v any
			if err := yaml.Unmarshal([]byte(text), &v); err != nil {
				t.Fatalf("%s: %v in\n%s", page, err, text)
			}
			noteKeys(v, "", keys)
		}
	}
	keysOf(reflect.TypeFor[Config](), "", func(key string) {
		key = strings.Replace(key, ".limits.default.", ".limits.tenants.*.", 1)
		key = strings.Replace(key, ".tenant_upstreams.*.", ".upstream.", 1)
		if !keys[key] {
			t.Errorf("no example has the key %s", strings.TrimPrefix(key, "."))
		}
	})
}

// The table of rules names every key of a rule.
func TestEveryKeyOfARuleIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "CONFIGURATION.md"))
	if err != nil {
		t.Fatal(err)
	}
	keysOf(reflect.TypeFor[rules.Spec](), "", func(key string) {
		if key = strings.TrimPrefix(key, "."); !strings.Contains(string(text), "`"+key+"` ") && !strings.Contains(string(text), "`"+key+": ") {
			t.Errorf("nothing is said of %s", key)
		}
	})
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
