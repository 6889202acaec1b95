package ui

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/control/controltest"
)

var (
	templHead = regexp.MustCompile(`(?m)^templ (\w+)\(`)
	templCall = regexp.MustCompile(`@(\w+)\(`)
	goCall    = regexp.MustCompile(`\b([a-z]\w*)\(`)
)

// Every component has a story, so that nobody has to break something in order to see
// it. Pages and what stands around them are looked at as pages.
func TestEveryComponentHasAStory(t *testing.T) {
	files, err := filepath.Glob("*.templ")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d templ files, %v", len(files), err)
	}
	calls := map[string][]string{} // of a component, to others
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		heads := templHead.FindAllSubmatchIndex(text, -1)
		for i, at := range heads {
			end := len(text)
			if i+1 < len(heads) {
				end = heads[i+1][0]
			}
			name := string(text[at[2]:at[3]])
			calls[name] = nil
			for _, call := range templCall.FindAllSubmatch(text[at[0]:end], -1) {
				calls[name] = append(calls[name], string(call[1]))
			}
		}
	}
	shown := map[string]bool{}
	var show func(name string)
	show = func(name string) {
		if to, is := calls[name]; is && !shown[name] {
			shown[name] = true
			for _, other := range to {
				show(other)
			}
		}
	}
	show("storybookPage")
	for _, file := range []string{"stories.go", "coststories.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range goCall.FindAllSubmatch(text, -1) {
			show(string(call[1]))
		}
	}
	around := []string{"layout", "doorLayout", "bypassed", "tenantForm", "whoMenu", "mark", "help"}
	for name := range calls {
		if !shown[name] && !strings.HasSuffix(name, "Page") && !slices.Contains(around, name) {
			t.Errorf("%s has no story: add one to stories.go", name)
		}
	}
}

func TestChaptersOfTheStorybookAreShown(t *testing.T) {
	h := New(controltest.New(t, controltest.Config{}).Control, Options{Storybook: true})
	for _, s := range stories {
		doc := wantPage(t, h, "/-/storybook?show="+s.name, http.StatusOK)
		wantText(t, doc, "h1", s.title)
		ids := map[string]bool{}
		for d := range doc.Descendants() {
			if id := attribute(d, "id"); id != "" {
				if ids[id] {
					t.Errorf("%s: two elements have the ID %s", s.name, id)
				}
				ids[id] = true
			}
		}
	}
	if n := len(find(wantPage(t, h, "/-/storybook", http.StatusOK), "nav.chips")); n != 1 {
		t.Errorf("the storybook has %d lists of chapters", n)
	}
	wantPage(t, h, "/-/storybook?show=nothing", http.StatusOK)
}
