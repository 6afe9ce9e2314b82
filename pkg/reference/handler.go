package reference

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/operator"
)

// The first segments of all paths: of the pages, and of the descriptions.
const (
	Prefix        = "/docs"
	OpenAPIPrefix = "/openapi"
)

// policy forbids the pages to load anything from elsewhere, and to run or apply
// anything inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// All returns the descriptions of the operator's API and of the customers'.
func All() []Description {
	list := []Description{{Name: string(operator.Name), Text: operator.OpenAPI()}}
	for _, a := range all.APIs() {
		list = append(list, Description{Name: string(a.Name), Text: all.OpenAPI()[a.Name]})
	}
	return list
}

// Handler serves descriptions: each as a file, /openapi/<name>.yaml, and as a
// page, /docs/<name>; /docs is the first one's. Everything that the pages need
// is in it. It serves GET and HEAD, and lets clients keep what they got as long
// as they ask whether it has changed.
type Handler struct {
	descriptions map[string]file
	pages        func() (map[string]file, error)
	unknown      api.Handler
}

// file is a prepared response.
type file struct {
	contentType, tag string
	content          []byte
}

func newFile(contentType string, content []byte) file {
	sum := sha256.Sum256(content)
	return file{contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, content}
}

// New returns the handler of all paths under the two prefixes. Its pages lead to
// the portal, at a path that is empty where none is served. Paths at which there
// is nothing, and internal errors, are left to unknown.
func New(descriptions []Description, portal string, unknown api.Handler) *Handler {
	h := &Handler{
		descriptions: map[string]file{}, unknown: unknown,
		pages: sync.OnceValues(func() (map[string]file, error) { return allPages(portal, descriptions) }),
	}
	for _, d := range descriptions {
		h.descriptions[OpenAPIPrefix+"/"+d.Name+".yaml"] = newFile("application/yaml", []byte(d.Text))
	}
	return h
}

// allPages renders the pages and has the files that they need, by path. It fails
// only if a description is broken.
func allPages(portal string, descriptions []Description) (map[string]file, error) {
	pages, err := Pages(Prefix, portal, descriptions)
	if err != nil {
		return nil, err
	}
	found := map[string]file{}
	for _, d := range descriptions {
		found[Prefix+"/"+d.Name] = newFile("text/html; charset=utf-8", pages[d.Name])
	}
	found[Prefix] = found[Prefix+"/"+descriptions[0].Name]
	found[Prefix+"/"] = found[Prefix]
	for name, contentType := range map[string]string{
		"page.css": "text/css; charset=utf-8",
		"page.js":  "text/javascript; charset=utf-8",
		"icon.svg": "image/svg+xml",
	} {
		content, readErr := fs.ReadFile(pageFiles, name)
		err = errors.Join(err, readErr)
		found[Prefix+"/"+name] = newFile(contentType, content)
	}
	return found, err
}

// Render renders the pages, which the first request for one of them would do
// otherwise. The error names the description that is broken.
func (h *Handler) Render() error {
	_, err := h.pages()
	return err
}

// Fail responds to a request that could not be read because of err, an internal
// error.
func (h *Handler) Fail(w http.ResponseWriter, r *http.Request, err error) { h.unknown.Fail(w, r, err) }

// ServeHTTP serves all requests.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, known := h.descriptions[r.URL.Path]
	if !known && strings.HasPrefix(r.URL.Path, Prefix) {
		pages, err := h.pages()
		if err != nil {
			h.Fail(w, r, err)
			return
		}
		f, known = pages[r.URL.Path]
	}
	if !known {
		h.unknown.ServeHTTP(w, r)
		return
	}
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		header.Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = w.Write([]byte(`{"error":{"code":"method_not_allowed","message":"This path is only to be read."}}`)) // ignore a client that has left
		return
	}
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", f.tag)
	header.Set("Content-Type", f.contentType)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}
