package main

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/reference"
)

const (
	docsPath    = "/docs"
	openAPIPath = "/openapi"
	// docsPolicy forbids the pages to load anything from elsewhere, and to run
	// or apply anything inline.
	docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// docs serves the APIs' descriptions: each as a file, /openapi/<api>.yaml, and
// as a page, /docs/<api>; /docs is the operator's, the first. Everything that
// the pages need is in this program.
type docs struct {
	// descriptions are the files below /openapi, by path.
	descriptions map[string]file
	// pages are all below /docs, by path. They are rendered when one of them is
	// asked for at first.
	pages func() (map[string]file, error)
	// unknown serves the paths at which there is nothing.
	unknown http.Handler
}

// file is a prepared response.
type file struct {
	contentType string
	content     []byte
}

// newDocs returns the handlers of the paths that begin with /docs and /openapi,
// by these prefixes.
func newDocs(unknown http.Handler) map[string]http.Handler {
	list := []reference.Description{{Name: string(operator.Name), Text: operator.OpenAPI()}}
	for _, api := range all.APIs() {
		list = append(list, reference.Description{Name: string(api.Name), Text: all.OpenAPI()[api.Name]})
	}
	d := &docs{
		descriptions: map[string]file{}, unknown: unknown,
		pages: sync.OnceValues(func() (map[string]file, error) { return docsPages(list) }),
	}
	for _, one := range list {
		d.descriptions[openAPIPath+"/"+one.Name+".yaml"] = file{"application/yaml", []byte(one.Text)}
	}
	return map[string]http.Handler{docsPath: d, openAPIPath: d}
}

// docsPages renders the pages and has the files that they need. It fails only if
// one in this program is broken.
func docsPages(descriptions []reference.Description) (map[string]file, error) {
	pages, err := reference.Pages(docsPath, descriptions)
	if err != nil {
		return nil, err
	}
	files := map[string]file{}
	for _, d := range descriptions {
		files[docsPath+"/"+d.Name] = file{"text/html; charset=utf-8", pages[d.Name]}
	}
	files[docsPath] = files[docsPath+"/"+descriptions[0].Name]
	files[docsPath+"/"] = files[docsPath]
	for name, contentType := range map[string]string{
		"page.css": "text/css; charset=utf-8",
		"page.js":  "text/javascript; charset=utf-8",
		"icon.svg": "image/svg+xml",
	} {
		content, readErr := fs.ReadFile(reference.Files(), name)
		err = errors.Join(err, readErr)
		files[docsPath+"/"+name] = file{contentType, content}
	}
	return files, err
}

// ServeHTTP serves GET and HEAD.
func (d *docs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, known := d.descriptions[r.URL.Path]
	if !known && strings.HasPrefix(r.URL.Path, docsPath) {
		pages, err := d.pages()
		if err != nil {
			refuse(w, http.StatusInternalServerError, "internal", "The pages could not be made.")
			return
		}
		// What a busy machine takes to render does not count.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer has one
		f, known = pages[r.URL.Path]
	}
	if !known {
		d.unknown.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "This path is only to be read.")
		return
	}
	w.Header().Set("Content-Security-Policy", docsPolicy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Content-Type", f.contentType)
	_, _ = w.Write(f.content) // ignore a client that has left
}
