package portal

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// outline is what every page has.
type outline struct {
	Title, Brand string
	// Home is the first page, and Root what all paths begin with.
	Home, Root string
	Assets     assets
}

// frame is what the pages of a session have around them.
type frame struct {
	outline
	Account   string
	MayWrite  bool
	FormToken string
	// AllAccounts leads to the operator's pages. It is empty unless the operator
	// entered the account from there.
	AllAccounts string
	Tabs        []tab
	News        *note
}

// tab leads to a page. Here is true on that page and those below it.
type tab struct {
	Name, Path string
	Here       bool
	also       string // another page that belongs to it
}

// holds reports whether a path is the tab's, or below it.
func (t tab) holds(path string) bool {
	return path == t.Path || strings.HasPrefix(path, t.Path+"/") || t.also != "" && path == t.also
}

// write answers with a page. It is made whole before its first byte is sent, so
// an error is an answer of its own.
func write(w http.ResponseWriter, status int, t *template.Template, data any) error {
	var page bytes.Buffer
	if err := t.Execute(&page, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // a client that has left needs nothing
	return nil
}
