package control

import (
	"sync/atomic"

	"github.com/headgate/headgate/attribution"
)

// Policies are owners, prices and budgets in force. Their methods may be called
// from any goroutine.
type Policies struct {
	file    string // that names them, for people; "": there is none
	current atomic.Pointer[policySet]
}

// A policySet is what is in force at one time. It is immutable.
type policySet struct {
	config   attribution.Config
	catalogs []*attribution.Catalog
	owners   *attribution.Owners
	budgets  []attribution.Budget
}

// NewPolicies returns the policies that the configuration file and its catalogs
// hold.
func NewPolicies(c attribution.Config, catalogs []*attribution.Catalog, file string) (*Policies, error) {
	p := &Policies{}
	return p, p.Reload(c, catalogs, file)
}

// Reload puts what the configuration file holds now in force, or leaves what was.
func (p *Policies) Reload(c attribution.Config, catalogs []*attribution.Catalog, file string) error {
	owners, err := attribution.New(c, catalogs...)
	if err != nil {
		return err
	}
	budgets, err := c.Budgets.List()
	if err != nil {
		return err
	}
	p.file = fileName(file)
	p.current.Store(&policySet{c, catalogs, owners, budgets})
	return nil
}

// Owners returns who owns series.
func (p *Policies) Owners() *attribution.Owners { return p.current.Load().owners }

// Catalogs returns what owners look names up in.
func (p *Policies) Catalogs() []*attribution.Catalog { return p.current.Load().catalogs }

// Prices returns what the upstream costs.
func (p *Policies) Prices() attribution.Prices { return p.current.Load().config.Prices }

// Shared returns who pays for what nobody owns.
func (p *Policies) Shared() attribution.Sharing { return p.current.Load().config.Shared }

// Budgets returns what teams and tenants may spend.
func (p *Policies) Budgets() []attribution.Budget { return p.current.Load().budgets }
