package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// auditVariable makes of the test binary a process that appends to the audit of
// the store it names.
const auditVariable = "HEADGATE_TEST_AUDIT"

const auditsEach = 50 // of a process

func auditEntry(i int) store.AuditEntry {
	return store.AuditEntry{
		At: noon, Who: "ann", From: "10.0.0.1", Verb: "rule.save", Object: fmt.Sprint("rules/r", i), Tenant: "shop",
		Before: json.RawMessage(`{"a":1}`), After: json.RawMessage(fmt.Sprintf(`{"a":%d}`, i)), Reason: "why",
	}
}

// appendAudits is what such a process does.
func appendAudits(url string) error {
	db, err := store.Open(context.Background(), url, discard)
	if err != nil {
		return err
	}
	defer db.Close()
	for i := range auditsEach {
		if _, err := db.AppendAudit(context.Background(), auditEntry(i)); err != nil {
			return err
		}
	}
	return nil
}

func TestTheAuditOfTwoProcessesIsOneChain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), auditVariable+"="+url)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
		// Changes of the store are in the same chain.
		for i := range auditsEach {
			ctx := store.WithAudit(t.Context(), auditEntry(i))
			if _, err := db.PutRule(ctx, fmt.Sprint("r", i), json.RawMessage("{}"), store.RulePlace{}, ruleEdit(store.RuleSaved, 0)); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		c, err := db.VerifyAudit(t.Context())
		if err != nil || c.Entries != 3*auditsEach || len(c.Hash) != 64 {
			t.Errorf("the chain is %+v, %v; want %d entries", c, err, 3*auditsEach)
		}
	})
}

func TestAChangeThatIsNotMadeIsNotAudited(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		ctx := store.WithAudit(t.Context(), auditEntry(1))
		if err := db.DeleteRule(ctx, "r1", ruleEdit(store.RuleDeleted, 7)); !errors.Is(err, store.ErrConflict) {
			t.Fatalf("error %v, want ErrConflict", err)
		}
		if c, err := db.VerifyAudit(t.Context()); err != nil || c.Entries != 0 {
			t.Errorf("the chain is %+v, %v; want it empty", c, err)
		}
	})
}

func TestAuditIsRead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		var all []store.AuditEntry
		for i := range 5 {
			e := auditEntry(i)
			if i == 3 {
				e.Who, e.Object, e.Before = "bob\x00", "bypass", nil
			}
			if i == 2 {
				e.Verb, e.Before = "rules.set", json.RawMessage(`{"team":"a\"b","name":"<x>"}`)
			}
			put, err := db.AppendAudit(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			all = append([]store.AuditEntry{put}, all...)
		}
		for _, tt := range []struct {
			name string
			q    store.AuditQuery
			want []store.AuditEntry
		}{
			{"all, the newest first", store.AuditQuery{}, all},
			{"a page", store.AuditQuery{Before: 4, Limit: 2}, all[2:4]},
			{"by who", store.AuditQuery{Who: "bob\uFFFD"}, all[1:2]},
			{"by object and verb", store.AuditQuery{Object: "rules/r0", Verb: "rule.save"}, all[4:]},
			{"by the beginning of a verb", store.AuditQuery{Verb: "rule"}, slices.Concat(all[:2], all[3:])},
			{"by half a word of a verb", store.AuditQuery{Verb: "rul"}, nil},
			{"by a verb that is more than there is", store.AuditQuery{Verb: "rule.save.all"}, nil},
			{"of a team", store.AuditQuery{Team: `a"b`}, all[2:3]},
			{"of a name that is no team", store.AuditQuery{Team: `<x>`}, nil},
			{"of no team", store.AuditQuery{Team: "a' OR '1'='1\x00\xff%"}, nil},
			{"of another tenant", store.AuditQuery{Tenant: "other"}, nil},
			{"before it began", store.AuditQuery{To: noon}, nil},
			{"since it began", store.AuditQuery{From: noon}, all},
		} {
			got, err := db.Audit(t.Context(), tt.q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}

func TestWhatWasDoneToTheAuditIsFound(t *testing.T) {
	for _, tt := range []struct{ name, change, want string }{
		{"an entry is changed", "UPDATE audit SET reason = 'none' WHERE sequence = 3", "entry 3: its hash is not that of what it says"},
		{"text goes from one field to the next", "UPDATE audit SET who = 'an', source = 'n10.0.0.1' WHERE sequence = 2", "entry 2: its hash"},
		{"an entry is taken out", "DELETE FROM audit WHERE sequence = 3", "entry 3: it is missing; the next one there is 4"},
		{"the first is taken out", "DELETE FROM audit WHERE sequence = 1", "entry 1: it is missing"},
		{"the last ones are taken out", "DELETE FROM audit WHERE sequence > 103", "entry 104: it is missing, as are all behind it; 105 were appended"},
		{"all are taken out", "DELETE FROM audit", "entry 1: it is missing"},
		{"an entry is chained to another", "UPDATE audit SET previous = hash WHERE sequence = 101", "entry 101: it does not hold the hash of the entry before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, url string) {
				db := open(t, url)
				for i := range 105 { // more than a page
					if _, err := db.AppendAudit(t.Context(), auditEntry(i)); err != nil {
						t.Fatal(err)
					}
				}
				store.Exec(t, db, tt.change)
				_, err := db.VerifyAudit(t.Context())
				var broken *store.BrokenAudit
				if !errors.As(err, &broken) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want it to say %q", err, tt.want)
				}
			})
		})
	}
}

func TestAuditKeepsWhatIsHostileOrLong(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		e := auditEntry(1)
		e.Who, e.Object, e.Reason = "\xff\x00", strings.Repeat("x", 10_000), "a\x00b"
		e.Before = json.RawMessage(`no JSON`)
		e.After = append(append([]byte{'"'}, bytes.Repeat([]byte("x"), 2<<20)...), '"')
		got, err := db.AppendAudit(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Before) != `"no JSON"` || !strings.HasPrefix(string(got.After), `{"omitted_bytes":2097154,"sha256":"`) || len(got.Object) > 512 {
			t.Errorf("the entry is %.400s", fmt.Sprint(got))
		}
		if c, err := db.VerifyAudit(t.Context()); err != nil || c.Entries != 1 {
			t.Errorf("the chain is %+v, %v", c, err)
		}
	})
}
