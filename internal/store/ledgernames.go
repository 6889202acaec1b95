package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
)

const (
	// namesMemory is how many bytes the names of keys may take that are remembered for
	// all readers: those of some 400 000 keys.
	namesMemory = 64 << 20

	// nameMemory is how many of them one takes beside its words.
	nameMemory = 96
)

// keyNames are the names of keys, in the order of keys.
type keyNames struct {
	ids   []int64
	names []attribution.Key // of no hour
	bytes int               // that they take, about
}

// ledgerNames are the names of all keys. They are learnt once: a key has one name for
// ever. Where they take too much, every reader learns those that it is asked for.
type ledgerNames struct {
	mu   sync.Mutex
	all  keyNames
	full bool
	most int // bytes
}

// learn returns the names of the keys that are stored and that where covers, and of
// others maybe. known are those that the reader has learnt before. Keys count up, so
// that a cell that can be seen has one that was learnt.
func (n *ledgerNames) learn(ctx context.Context, tx *sql.Tx, known keyNames, where *ledgerWhere) (keyNames, error) {
	all, ok, err := n.shared(ctx, tx)
	if ok || err != nil {
		return all, err
	}
	known.ids, known.names = slices.Clip(known.ids), slices.Clip(known.names) // others may read on behind them
	return known.more(ctx, tx, where)
}

// shared returns the names that all readers share, unless they took too much.
func (n *ledgerNames) shared(ctx context.Context, tx *sql.Tx) (all keyNames, ok bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.full {
		return keyNames{}, false, nil
	}
	all, err = n.all.more(ctx, tx, &ledgerWhere{})
	if err != nil {
		return keyNames{}, false, err
	}
	if n.all = all; all.bytes > n.most {
		n.all, n.full = keyNames{}, true
	}
	return all, true, nil
}

// more returns k with those after it that where covers. k stays as it is.
func (k keyNames) more(ctx context.Context, tx *sql.Tx, where *ledgerWhere) (keyNames, error) {
	last := int64(-1 << 62)
	if len(k.ids) > 0 {
		last = k.ids[len(k.ids)-1]
	}
	words := map[string]string{} // that many keys share
	one := func(s string) string {
		if w, ok := words[s]; ok {
			return w
		}
		words[s] = s
		k.bytes += len(s)
		return s
	}
	query, args := "SELECT id, tenant, team, service, metric FROM ledger_keys WHERE id > $1", []any{last}
	if len(where.columns) > 0 {
		query, args = query+" AND "+where.text(2), append(args, where.args...)
	}
	var id int64
	var t, team, service, metric string
	err := scanAll(ctx, tx, query+" ORDER BY id", args, []any{&id, &t, &team, &service, &metric}, func() error {
		k.ids = append(k.ids, id)
		k.names = append(k.names, attribution.Key{Tenant: tenant.ID(one(t)), Team: one(team), Service: one(service), Metric: metric})
		k.bytes += nameMemory + len(metric)
		return nil
	})
	return k, err
}
