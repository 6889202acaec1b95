package browser

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// routes are the patterns of all pages, as ui/routes.go adds them: GET those of page
// and file, POST those of post.
func routes(t *testing.T, method string) (patterns []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../routes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]string{"page": http.MethodGet, "file": http.MethodGet, "post": http.MethodPost}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 3 {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && methods[f.Sel.Name] == method {
			path, err := strconv.Unquote(call.Args[1].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			patterns = append(patterns, method+" "+path)
		}
		return true
	})
	if len(patterns) < 5 {
		t.Fatalf("ui/routes.go has the routes %q: are they added in another way now?", patterns)
	}
	return patterns
}

// A router knows which route an address leads to.
type router struct {
	mux    *http.ServeMux
	method string
}

func newRouter(t *testing.T, method string) router {
	t.Helper()
	r := router{http.NewServeMux(), method}
	for _, pattern := range routes(t, method) {
		r.mux.Handle(pattern, http.NotFoundHandler())
	}
	return r
}

// of returns the pattern of the route that an address leads to.
func (r router) of(address string) string {
	path, _, _ := strings.Cut(address, "?")
	_, pattern := r.mux.Handler(httptest.NewRequest(r.method, path, nil))
	return pattern
}

// wantEveryRoute checks that every route of a method has an address that leads to it.
func wantEveryRoute(t *testing.T, method string, addresses []string) {
	t.Helper()
	r := newRouter(t, method)
	found := map[string]bool{}
	for _, address := range addresses {
		found[r.of(address)] = true
	}
	for _, pattern := range routes(t, method) {
		if !found[pattern] {
			t.Errorf("nothing here asks for %s: add an address that does", pattern)
		}
	}
}
