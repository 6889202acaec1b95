package store

import (
	"context"
	"database/sql"
	"sync"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
)

// maxNames is how many names of keys are remembered, some 150 bytes each.
const maxNames = 400_000

// ledgerNames are the names of all keys, in the order of keys. They are learnt once:
// a key has one name for ever.
type ledgerNames struct {
	mu    sync.Mutex
	ids   []int64
	names []attribution.Key // of no hour
}

// learn returns the keys that are stored, in order, and their names. Keys count up, so
// that a cell that can be seen has one that was learnt.
func (n *ledgerNames) learn(ctx context.Context, tx *sql.Tx) ([]int64, []attribution.Key, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := int64(-1 << 62)
	if len(n.ids) > 0 {
		last = n.ids[len(n.ids)-1]
	}
	ids, names := n.ids, n.names
	words := map[string]string{} // that many keys share
	one := func(s string) string {
		if w, ok := words[s]; ok {
			return w
		}
		words[s] = s
		return s
	}
	var id int64
	var t, team, service, metric string
	err := scanAll(ctx, tx, "SELECT id, tenant, team, service, metric FROM ledger_keys WHERE id > $1 ORDER BY id", []any{last}, []any{&id, &t, &team, &service, &metric}, func() error {
		ids = append(ids, id)
		names = append(names, attribution.Key{Tenant: tenant.ID(one(t)), Team: one(team), Service: one(service), Metric: metric})
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	n.ids, n.names = ids, names
	if len(ids) > maxNames {
		n.ids, n.names = nil, nil
	}
	return ids, names, nil
}
