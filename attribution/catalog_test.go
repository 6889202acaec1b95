package attribution

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/series"
)

var update = flag.Bool("update", false, "rewrite what the transcripts want")

// TestCatalogs reads the catalogs of testdata/catalog, one a file: its config, its
// files, the names that it is to know, and the problems that it is to report.
func TestCatalogs(t *testing.T) {
	files, err := filepath.Glob("testdata/catalog/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			var c CatalogConfig
			for _, f := range archive.Files {
				switch f.Name {
				case "config":
					if err := yaml.Unmarshal(f.Data, &c); err != nil {
						t.Fatal(err)
					}
				case "want", "problems":
				default:
					name := filepath.Join(dir, f.Name)
					if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(name, f.Data, 0o666); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			catalogs, problems := LoadCatalogs([]CatalogConfig{c}, dir)
			got := map[string][]byte{"want": describe(catalogs[0]), "problems": nil}
			for _, p := range problems {
				got["problems"] = fmt.Appendln(got["problems"], p)
			}
			changed := false
			for i, f := range archive.Files {
				want, ok := got[f.Name]
				if !ok || bytes.Equal(want, f.Data) {
					continue
				}
				if !*update {
					t.Errorf("%s (-want +got):\n%s", f.Name, cmp.Diff(string(f.Data), string(want)))
				}
				archive.Files[i].Data, changed = want, true
			}
			if *update && changed {
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// describe returns what a catalog knows, for people.
func describe(c *Catalog) []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	names := make([]string, 0, len(c.byName))
	for n := range c.byName {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		e, _ := c.Find(n)
		via := ""
		if e.Via != "" {
			via = " (" + e.Via + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s:%d\t%s%s\n", n, e.Team, e.Entity, e.File, e.Line, e.Owner, via)
	}
	w.Flush()
	for _, t := range c.Teams() {
		fmt.Fprintf(&b, "team %s %q %s: members %v, owns %s\n", t.Name, t.Title, t.Email, t.Members, strings.Join(t.Entities, ", "))
	}
	return b.Bytes()
}

const exampleCatalog = `
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: cart}
spec: {owner: user:jdoe}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: jdoe}
spec: {memberOf: [checkout]}
`

func exampleOwnersWithCatalog(tb testing.TB) *Owners {
	tb.Helper()
	catalog, problems := ReadCatalog(CatalogConfig{Type: Backstage}, []CatalogFile{{"catalog-info.yaml", []byte(exampleCatalog)}})
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	o, err := New(Config{Owners: []OwnerConfig{{Label: "team"}}}, catalog)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func TestCatalogsDecideAfterTheClauses(t *testing.T) {
	o := exampleOwnersWithCatalog(t)
	tests := []struct{ name, series, wantTeam, wantWhy string }{
		{"a clause decides first", `up{service="cart", team="a"}`, "a", `clause 1: label "team"`},
		{"then the catalog", `up{service="cart"}`, "checkout",
			`clause 2: catalog backstage of 1 names, label "service" is its metadata.name: component cart is owned by user:jdoe (group of user:default/jdoe), at catalog-info.yaml:2`},
		{"what it does not know is unowned", `up{service="Cart"}`, Unowned, "no clause of attribution.owners decides, nor does a catalog"},
		{"as is what has no such label", `up{job="cart"}`, Unowned, "no clause of attribution.owners decides, nor does a catalog"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			team, why := o.Explain(mustLabels(t, tt.series))
			if team != tt.wantTeam || why != tt.wantWhy {
				t.Errorf("team %s: %s\nwant %s: %s", team, why, tt.wantTeam, tt.wantWhy)
			}
		})
	}
}

func TestTeamByCatalogDoesNotAllocate(t *testing.T) {
	o := exampleOwnersWithCatalog(t)
	ls := mustLabels(t, `up{service="cart"}`)
	if n := testing.AllocsPerRun(100, func() { o.Team(ls) }); n != 0 {
		t.Errorf("Team allocates %v times, want 0", n)
	}
}

func TestFieldsMayBeAliases(t *testing.T) {
	text := `
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: &name cart, tags: &tags [a, *name, *tags]}
spec: {owner: *name}
`
	c, problems := ReadCatalog(CatalogConfig{Type: Backstage, Join: JoinConfig{Field: "metadata.tags"}}, []CatalogFile{{"f", []byte(text)}})
	if got := fmt.Sprint(c.Len(), len(problems)); got != "2 0" {
		t.Errorf("%s names and problems: %v", got, problems)
	}
	if e, _ := c.Find("a"); e.Team != "cart" {
		t.Errorf("team %q, want cart", e.Team)
	}
}

func TestAFileOfAnotherKindIsNotToldLineByLine(t *testing.T) {
	text := "service,team\n" + strings.Repeat("only one\n", 100_000)
	_, problems := ReadCatalog(CatalogConfig{Type: CSV}, []CatalogFile{{"f.csv", []byte(text)}})
	if len(problems) != maxProblems || !strings.Contains(problems[maxProblems-1].String(), "f.csv:101: more is wrong from here on") {
		t.Errorf("%d problems, the last %s", len(problems), problems[len(problems)-1])
	}
}

func TestTheStampTellsChanges(t *testing.T) {
	dir := t.TempDir()
	cs := []CatalogConfig{{Type: CSV, Files: []string{"."}}, {Type: CSV, Files: []string{"missing.csv"}}}
	var stamps []uint64
	stamp := func() { stamps = append(stamps, CatalogStamp(cs, dir)) }
	write := func(name, text string, at time.Time) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Unix(1e9, 0)
	stamp()
	write("a.csv", "a,b", begin)
	stamp()
	write("a.csv", "a,c", begin.Add(time.Second))
	stamp()
	write("b.csv", "", begin)
	stamp()
	if err := os.Remove(filepath.Join(dir, "b.csv")); err != nil {
		t.Fatal(err)
	}
	if got := CatalogStamp(cs, dir); got != stamps[2] {
		t.Error("the stamp is another one though nothing is")
	}
	slices.Sort(stamps)
	if len(slices.Compact(stamps)) != 4 {
		t.Errorf("four states have stamps %v", stamps)
	}
}

func TestWrongCatalogsAreNamed(t *testing.T) {
	c := DefaultConfig()
	c.Catalogs = []CatalogConfig{{}, {Type: "consul", Files: []string{""}}}
	c.Shared, c.Prices, c.Budgets, c.Ledger.MaxCells = "fair", Prices{{}}, Budgets{"a": {}}, 0
	c.Owners = []OwnerConfig{{}}
	err := c.Validate()
	for _, want := range []string{
		"owners: clause 1: it is empty",
		"catalogs: number 1: type: it is missing",
		"catalogs: number 1: files: there are none",
		`catalogs: number 2: type: "consul" is none of`,
		"catalogs: number 2: files: number 1 is empty",
		"prices: currency: it is missing",
		`shared: "fair" is none of keep, even, proportional`,
		"budgets: a: month: it is 0",
		"ledger: max_cells: 0 is not positive",
	} {
		if err == nil || !strings.Contains(err.Error(), "\n"+want) && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("no error begins with %q:\n%v", want, err)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzCatalogs holds that no file makes a reader panic, and that what it knows are
// teams, with places.
func FuzzCatalogs(f *testing.F) {
	files, _ := filepath.Glob("testdata/catalog/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, section := range archive.Files {
			f.Add(section.Data)
		}
	}
	f.Add([]byte(exampleCatalog))
	f.Add([]byte("a: b\u2028c: d: e\u0085\r\r- ["))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, c := range []CatalogConfig{
			{Type: Backstage},
			{Type: Backstage, Join: JoinConfig{Field: "metadata.annotations.a.b/c"}},
			{Type: OpsLevel},
			{Type: OpsLevel, Join: JoinConfig{Field: "tags.a"}},
			{Type: CSV},
		} {
			catalog, problems := ReadCatalog(c, []CatalogFile{{"f", data}})
			lines := bytes.Count(data, []byte("\n")) + 1
			for _, p := range problems {
				if p.Text == "" || p.File != "f" || p.Line < 0 || p.Line > lines {
					t.Fatalf("problem %+v in a file of %d lines", p, lines)
				}
			}
			for name, e := range catalog.byName {
				if name == "" || e.Team == "" || checkTeam(e.Team) != nil || e.Line < 1 || e.Line > lines {
					t.Fatalf("%q is %+v in a file of %d lines", name, e, lines)
				}
			}
		}
	})
}

func BenchmarkTeamByCatalog(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("service,team\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "service-%d,team-%d\n", i, i%200)
	}
	catalog, _ := ReadCatalog(CatalogConfig{Type: CSV}, []CatalogFile{{"f", text.Bytes()}})
	o, err := New(Config{}, catalog)
	if err != nil {
		b.Fatal(err)
	}
	var lss []series.Labels
	for i := range 1000 {
		lss = append(lss, mustLabels(b, fmt.Sprintf(`up{service="service-%d", namespace="x", pod="y"}`, i)))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o.Team(lss[i%len(lss)])
	}
}
