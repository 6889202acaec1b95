package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
)

// What names of the ledger may have, in bytes: together less than the 2704 that
// PostgreSQL takes into an index. Longer ones are cut, and cells whose names are
// the same then are one.
const (
	maxMetric = 1024
	maxOwner  = 256 // a team or a service
	maxRule   = 256
)

// maxKeys is how many keys a Ledger remembers, about 200 bytes each.
const maxKeys = 200_000

// keyUse is after how many hours a key is noted to be in use again.
const keyUse = 24

// A keyName is what a key stands for, as both databases take it.
type keyName struct{ tenant, team, service, metric string }

// A usedKey is a key, and the hour in which it was last noted to be in use.
type usedKey struct {
	id   int64
	used attribution.Hour
}

func keyNameOf(k *attribution.Key) keyName {
	return keyName{string(tenantText(k.Tenant)), ownerText(k.Team), ownerText(k.Service), tidyText(k.Metric, maxMetric)}
}

func tenantText(t tenant.ID) tenant.ID { return tenant.ID(tidyText(string(t), maxTenant)) }
func ownerText(s string) string        { return tidyText(s, maxOwner) }
func ruleText(s string) string         { return tidyText(s, maxRule) }

// resolve returns the key of every name. Keys that are new, or were not used for
// a day, are stored in a transaction of their own: they do no harm if the batch
// fails, and nobody waits for it who has new keys, too.
//
// A key that is remembered here cannot have been deleted: retention takes months.
func (l *Ledger) resolve(ctx context.Context, names []keyName, now attribution.Hour) ([]int64, error) {
	ids := make([]int64, len(names))
	missing := map[keyName][]int{} // of ids
	l.mu.Lock()
	for i := range names {
		k, ok := l.keys[names[i]]
		if !ok || now-k.used >= keyUse {
			missing[names[i]] = append(missing[names[i]], i)
		}
		ids[i] = k.id
	}
	l.mu.Unlock()
	if len(missing) == 0 {
		return ids, nil
	}

	found := make(map[keyName]int64, len(missing))
	err := l.db.tx(ctx, func(tx *sql.Tx) error {
		for chunk := range slices.Chunk(slices.Collect(maps.Keys(missing)), l.rows) {
			if err := storeKeys(ctx, tx, chunk, now, found); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys)+len(found) > maxKeys {
		clear(l.keys)
	}
	for n, id := range found {
		l.keys[n] = usedKey{id, now}
		for _, i := range missing[n] {
			ids[i] = id
		}
	}
	return ids, nil
}

// storeKeys stores names, or notes their use, and puts their keys into found. The
// counter is first: whoever else stores keys waits there.
func storeKeys(ctx context.Context, tx *sql.Tx, names []keyName, now attribution.Hour, found map[keyName]int64) error {
	var last int64
	err := tx.QueryRowContext(ctx, `
		UPDATE revisions SET last = last + $1 WHERE name = 'ledger_keys' RETURNING last`, len(names)).Scan(&last)
	if err != nil {
		return err
	}
	const columns = 6
	args := make([]any, 0, len(names)*columns)
	for i, n := range names {
		args = append(args, last-int64(i), n.tenant, n.team, n.service, n.metric, int64(now))
	}
	rows, err := tx.QueryContext(ctx, `
		INSERT INTO ledger_keys (id, tenant, team, service, metric, used_hour)
		VALUES `+placeholders(len(names), columns)+`
		ON CONFLICT (tenant, team, service, metric) DO UPDATE SET used_hour =
		CASE WHEN excluded.used_hour > ledger_keys.used_hour THEN excluded.used_hour ELSE ledger_keys.used_hour END
		RETURNING id, tenant, team, service, metric`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var n keyName
		if err := rows.Scan(&id, &n.tenant, &n.team, &n.service, &n.metric); err != nil {
			return err
		}
		found[n] = id
	}
	return rows.Err()
}
