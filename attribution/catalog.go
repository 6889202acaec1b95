package attribution

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The kinds of catalog.
const (
	Backstage = "backstage"
	OpsLevel  = "opslevel"
	CSV       = "csv"
)

// A CatalogConfig names the files of one catalog and how its entries are found.
type CatalogConfig struct {
	Type  string     `yaml:"type" json:"type"`   // backstage, opslevel or csv
	Files []string   `yaml:"files" json:"files"` // glob patterns and directories
	Join  JoinConfig `yaml:"join" json:"join"`
}

// A JoinConfig says which entry a series belongs to: the one whose field is what
// the series' label says.
type JoinConfig struct {
	Label string `yaml:"label" json:"label"`                     // service where there is none
	Field string `yaml:"field,omitempty" json:"field,omitempty"` // metadata.name of backstage, name (and aliases) of opslevel, the column called as the label of csv
}

// join returns c's, with what is not written filled in.
func (c CatalogConfig) join() JoinConfig {
	j := c.Join
	if j.Label == "" {
		j.Label = "service"
	}
	if j.Field == "" {
		j.Field = map[string]string{Backstage: "metadata.name", OpsLevel: "name"}[c.Type]
	}
	if j.Field == "" {
		j.Field = j.Label
	}
	return j
}

// Validate returns all that is wrong with c.
func (c CatalogConfig) Validate() error {
	var errs []error
	switch c.Type {
	case Backstage, OpsLevel, CSV:
	case "":
		errs = append(errs, errors.New("type: it is missing; write backstage, opslevel or csv"))
	default:
		errs = append(errs, fmt.Errorf("type: %.64q is none of backstage, opslevel, csv", c.Type))
	}
	if len(c.Files) == 0 {
		errs = append(errs, errors.New("files: there are none; name files, patterns or directories"))
	}
	for i, f := range c.Files {
		if f == "" {
			errs = append(errs, fmt.Errorf("files: number %d is empty; remove it", i+1))
		}
	}
	return errors.Join(errs...)
}

// A Catalog knows which team owns what a label names. It is immutable: any number
// of goroutines may use it.
type Catalog struct {
	config CatalogConfig // with its join filled in
	byName map[string]*CatalogEntry
	teams  []CatalogTeam
}

// A CatalogEntry is what one catalog says of one name.
type CatalogEntry struct {
	Team   string
	Entity string // what it is, such as component checkout-api
	Owner  string // as written, such as group:default/checkout
	Via    string // how the owner led to the team, for people; "" where it is the team
	File   string
	Line   int

	rank int // where several have the name, the least decides
}

// A CatalogTeam is what a catalog says of a team.
type CatalogTeam struct {
	Name     string
	Title    string // for people; "" where the catalog has none
	Email    string
	Members  []string // sorted
	Entities []string // what it owns, as Entity, sorted
}

// Config returns what the catalog was made from, its join filled in.
func (c *Catalog) Config() CatalogConfig { return c.config }

// Len returns how many names the catalog knows.
func (c *Catalog) Len() int { return len(c.byName) }

// Find returns what the catalog says of a value of its label.
func (c *Catalog) Find(value string) (CatalogEntry, bool) {
	e := c.byName[value]
	if e == nil {
		return CatalogEntry{}, false
	}
	return *e, true
}

// Teams returns the teams that the catalog knows, sorted by name. The caller must
// not change them.
func (c *Catalog) Teams() []CatalogTeam { return c.teams }

// String returns the catalog for people.
func (c *Catalog) String() string {
	return fmt.Sprintf("catalog %s of %d names, label %q is its %s", c.config.Type, len(c.byName), c.config.Join.Label, c.config.Join.Field)
}

// A CatalogFile is one file of a catalog, read.
type CatalogFile struct {
	Name string // for problems
	Data []byte
}

// ReadCatalog makes the catalog that c describes of files. Entries that are wrong
// are reported and left out. Where two entries have one name and different teams,
// the first decides and the second is reported.
func ReadCatalog(c CatalogConfig, files []CatalogFile) (*Catalog, []Problem) {
	c.Join = c.join()
	b := &catalogBuilder{catalog: &Catalog{config: c, byName: map[string]*CatalogEntry{}}, teams: map[string]*CatalogTeam{}}
	switch c.Type {
	case Backstage:
		b.backstage(files)
	case OpsLevel:
		for _, f := range files {
			b.opslevel(f)
		}
	case CSV:
		for _, f := range files {
			b.csv(f)
		}
	}
	for _, t := range b.teams {
		slices.Sort(t.Members)
		t.Members = slices.Compact(t.Members)
		slices.Sort(t.Entities)
		t.Entities = slices.Compact(t.Entities)
		b.catalog.teams = append(b.catalog.teams, *t)
	}
	slices.SortFunc(b.catalog.teams, func(a, b CatalogTeam) int { return cmp.Compare(a.Name, b.Name) })
	return b.catalog, b.problems.list
}

// A catalogBuilder makes one catalog.
type catalogBuilder struct {
	catalog  *Catalog
	teams    map[string]*CatalogTeam
	problems problems
}

// add adds an entry under its names.
func (b *catalogBuilder) add(e CatalogEntry, names []string) {
	if err := checkTeam(e.Team); err != nil {
		b.problems.report(e.File, e.Line, "%s: its team is %v", e.Entity, err)
		return
	}
	decides := len(names) == 0 // it may own what no series names
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		switch first := b.catalog.byName[n]; {
		case n == "":
		case first == nil || e.rank < first.rank:
			b.catalog.byName[n] = &e
			decides = true
		case first.Team != e.Team && first.rank == e.rank:
			b.problems.report(e.File, e.Line, "%s: %.64q is %s's already, by %s at %s:%d; remove one of them",
				e.Entity, n, first.Team, first.Entity, first.File, first.Line)
		default:
			decides = decides || first.Team == e.Team
		}
	}
	if decides {
		t := b.team(e.Team)
		t.Entities = append(t.Entities, e.Entity)
	}
}

// team returns what is known of a team.
func (b *catalogBuilder) team(name string) *CatalogTeam {
	if b.teams[name] == nil {
		b.teams[name] = &CatalogTeam{Name: name}
	}
	return b.teams[name]
}

// lower returns s as Backstage compares names.
func lower(s string) string { return strings.ToLower(s) }
