package api

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// table finds the route of a request. It is an http.ServeMux that never
// responds itself: no client sees its plain-text 404 and 405 or its redirects
// for unclean paths.
type table struct {
	mux *http.ServeMux
	// found is called with the path's pattern and its routes by method. For an
	// unknown path it is called without routes.
	found func(w http.ResponseWriter, r *http.Request, pattern string, methods methods)
}

// methods are the routes of one path.
type methods map[string]Route

func newTable(routes []Route, found func(http.ResponseWriter, *http.Request, string, methods)) *table {
	t := &table{mux: http.NewServeMux(), found: found}
	byPath := map[string]methods{}
	for _, route := range routes {
		if byPath[route.Path] == nil {
			byPath[route.Path] = methods{}
		}
		byPath[route.Path][route.Method] = route
	}
	for pattern, m := range byPath {
		t.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { found(w, r, pattern, m) })
	}
	t.mux.HandleFunc("/", t.unknown)
	return t
}

func (t *table) unknown(w http.ResponseWriter, r *http.Request) { t.found(w, r, "", nil) }

func (t *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI == "*" || !IsClean(r.URL.EscapedPath()) {
		t.unknown(w, r)
		return
	}
	t.mux.ServeHTTP(w, r)
}

// IsClean reports whether http.ServeMux would accept the path instead of
// redirecting to a cleaned one.
func IsClean(p string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	cleaned := path.Clean(p)
	if strings.HasSuffix(p, "/") && cleaned != "/" {
		cleaned += "/"
	}
	return cleaned == p
}

// route returns the route for a method. HEAD is served as GET.
func (m methods) route(method string) (Route, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	route, ok := m[method]
	return route, ok
}

// allow returns the value of the Allow header (RFC 9110, section 10.2.1).
func (m methods) allow() string {
	var names []string
	for name := range m {
		names = append(names, name)
		if name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
