package main

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/operator"
)

const (
	docsPath    = "/docs"
	openAPIPath = "/openapi"
	// docsPolicy forbids the page to load anything from elsewhere or to run
	// inline scripts. The viewer's icons are data: URLs in its style sheet.
	docsPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

//go:embed docs
var docsFiles embed.FS

// docs serves the APIs' descriptions: each as a file, /openapi/<api>.yaml, and
// all on one page, /docs, the operator's first. Everything that the page needs is in this program.
type docs struct {
	files map[string]file // by path
	// viewer serves the viewer's own files, whose paths are in viewerFiles.
	viewer http.Handler
	// unknown serves the paths at which there is nothing.
	unknown http.Handler
}

// file is a prepared response.
type file struct {
	contentType string
	content     []byte
}

// viewerFiles are the files of the viewer, Swagger UI, that the page needs.
var viewerFiles = map[string]bool{
	docsPath + "/swagger-ui.css":       true,
	docsPath + "/swagger-ui-bundle.js": true,
	docsPath + "/favicon-32x32.png":    true,
}

// newDocs returns the handlers of the paths that begin with /docs and /openapi,
// by these prefixes. It fails only if a file in this program is broken.
func newDocs(unknown http.Handler) (map[string]http.Handler, error) {
	names := []string{string(operator.Name)}
	d := &docs{files: map[string]file{}, viewer: http.StripPrefix(docsPath, statigz.FileServer(static.FS)), unknown: unknown}
	d.describe(string(operator.Name), operator.OpenAPI())
	for _, api := range all.APIs() {
		names = append(names, string(api.Name))
		d.describe(string(api.Name), all.OpenAPI()[api.Name])
	}
	page, err := template.ParseFS(docsFiles, "docs/page.html")
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := page.Execute(&html, names); err != nil {
		return nil, err
	}
	d.files[docsPath] = file{"text/html; charset=utf-8", html.Bytes()}
	for name, contentType := range map[string]string{
		"page.css": "text/css; charset=utf-8",
		"page.js":  "text/javascript; charset=utf-8",
	} {
		content, err := docsFiles.ReadFile("docs/" + name)
		if err != nil {
			return nil, err
		}
		d.files[docsPath+"/"+name] = file{contentType, content}
	}
	return map[string]http.Handler{docsPath: d, openAPIPath: d}, nil
}

// describe adds the description of an API.
func (d *docs) describe(name, description string) {
	d.files[openAPIPath+"/"+name+".yaml"] = file{"application/yaml", []byte(description)}
}

// ServeHTTP serves GET and HEAD.
func (d *docs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if path == docsPath+"/" {
		path = docsPath
	}
	f, ours := d.files[path]
	if !ours && !viewerFiles[path] {
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
	if !ours {
		d.viewer.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", f.contentType)
	_, _ = w.Write(f.content) // ignore a client that has left
}
