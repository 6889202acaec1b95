package browser

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// wantEveryRoute checks that every route of a method has an address that leads to it.
func wantEveryRoute(t *testing.T, method string, addresses []string) {
	t.Helper()
	mux := http.NewServeMux()
	missing := map[string]bool{}
	for _, pattern := range routes(t, method) {
		mux.Handle(pattern, http.NotFoundHandler())
		missing[pattern] = true
	}
	for _, address := range addresses {
		path, query, _ := strings.Cut(address, "?")
		if _, err := url.ParseQuery(query); err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		_, pattern := mux.Handler(httptest.NewRequest(method, path, nil))
		delete(missing, pattern)
	}
	for pattern := range missing {
		t.Errorf("nothing here asks for %s: add an address that does", pattern)
	}
}
