package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
)

// maxPolicy is how long the body of a change of owners, prices or budgets may be,
// in bytes: it holds all of them.
const maxPolicy = 1 << 20

// A policyOutput is all of one policy.
type policyOutput[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

// A policyInput replaces all of one policy that files do not name.
type policyInput[T any] struct {
	Change
	DryRun
	Body T
}

type problemsOutput struct {
	Body struct {
		Problems []CatalogProblem `json:"problems"`
	}
}

func registerPolicies(a huma.API, c *control.Control) {
	registerPolicy(a, "owners", "who owns series",
		func(ctx context.Context) OwnersSettings { return newOwners(c.As(actor(ctx)).Owners()) },
		func(ctx context.Context, in *policyInput[OwnersSettings]) (out OwnersAnswer, err error) {
			var o control.Owners
			if in.DryRun.DryRun {
				var e control.OwnersEffect
				o, e, err = c.As(actor(ctx)).TryOwners(ctx, in.Body.entries(), in.change())
				out.Effect = newOwnersEffect(e)
			} else {
				o, err = c.As(actor(ctx)).SetOwners(ctx, in.Body.entries(), in.change())
			}
			out.OwnersSettings = newOwners(o)
			return out, err
		})
	registerPolicy(a, "prices", "what the upstream costs",
		func(ctx context.Context) PricesSettings { return newPrices(c.As(actor(ctx)).Prices()) },
		func(ctx context.Context, in *policyInput[PricesSettings]) (out PricesAnswer, err error) {
			entries, err := in.Body.entries()
			if err != nil {
				return out, err
			}
			var ps control.Prices
			if in.DryRun.DryRun {
				var e control.PricesEffect
				ps, e, err = c.As(actor(ctx)).TryPrices(ctx, entries, in.change())
				out.Effect = newPricesEffect(e)
			} else {
				ps, err = c.As(actor(ctx)).SetPrices(ctx, entries, in.change())
			}
			out.PricesSettings = newPrices(ps)
			return out, err
		})
	registerPolicy(a, "budgets", "what teams and tenants may spend",
		func(ctx context.Context) BudgetsSettings { return newBudgets(c.As(actor(ctx)).Budgets()) },
		func(ctx context.Context, in *policyInput[BudgetsSettings]) (out BudgetsAnswer, err error) {
			entries, err := in.Body.entries()
			if err != nil {
				return out, err
			}
			var bs control.Budgets
			if in.DryRun.DryRun {
				var e control.BudgetsEffect
				bs, e, err = c.As(actor(ctx)).TryBudgets(ctx, entries, in.change())
				out.Effect = newBudgetsEffect(e)
			} else {
				bs, err = c.As(actor(ctx)).SetBudgets(ctx, entries, in.change())
			}
			out.BudgetsSettings = newBudgets(bs)
			return out, err
		})
	huma.Register(a, operation(http.MethodGet, "/owners/problems", "list-catalog-problems", "Entries of catalogs that are skipped, and why"),
		func(ctx context.Context, _ *struct{}) (*problemsOutput, error) {
			out := &problemsOutput{}
			out.Body.Problems = []CatalogProblem{}
			for _, p := range c.As(actor(ctx)).CatalogProblems() {
				out.Body.Problems = append(out.Body.Problems, CatalogProblem{p.File, p.Line, p.Text})
			}
			return out, nil
		})
}

// registerPolicy registers the routes of one policy, which is read and set whole. What
// is answered to a change is an A.
func registerPolicy[T, A interface{ revision() int64 }](a huma.API, name, what string, get func(context.Context) T,
	set func(context.Context, *policyInput[T]) (A, error)) {
	huma.Register(a, operation(http.MethodGet, "/"+name, "get-"+name, "Files and API together: "+what),
		func(ctx context.Context, _ *struct{}) (*policyOutput[T], error) {
			policy := get(ctx)
			return &policyOutput[T]{etag(policy.revision()), policy}, nil
		})
	put := operation(http.MethodPut, "/"+name, "set-"+name, "Set all that files do not name, in force at once: "+what)
	put.MaxBodyBytes = maxPolicy
	huma.Register(a, put, func(ctx context.Context, in *policyInput[T]) (*policyOutput[A], error) {
		policy, err := set(ctx, in)
		if err != nil {
			return nil, problem(err)
		}
		return &policyOutput[A]{etag(policy.revision()), policy}, nil
	})
}

func (o PolicyOrigin) revision() int64 { return o.Revision }
