package store

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// modernc.org/sqlite is C translated to Go against one version of
// modernc.org/libc and works with no other, newer ones included: both stand in
// go.mod with the versions that belong together.
func TestSQLiteHasTheLibcItWasMadeFor(t *testing.T) {
	ours, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	got, want := required(string(ours), "modernc.org/libc"), required(string(theirs), "modernc.org/libc")
	if got != want || want == "" {
		t.Errorf("go.mod requires modernc.org/libc %s, modernc.org/sqlite was made for %s: run 'go get modernc.org/libc@%s'", got, want, want)
	}
}

// required returns the version of a module that a go.mod file requires.
func required(mod, module string) string {
	for line := range strings.Lines(mod) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(words) >= 2 && words[0] == module {
			return words[1]
		}
	}
	return ""
}
