package main

import (
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/reference"
)

// newDocs returns the handlers of the APIs' descriptions, by the prefixes of
// their paths. The pages lead to the portal, at a path that is empty where none
// is served, and are rendered when one of them is asked for at first.
func newDocs(portal string, unknown api.Handler) map[string]http.Handler {
	files := reference.New(reference.All(), portal, unknown)
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = files.Render() // the handler tells of the error
		// What a busy machine takes to render does not count.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer has one
		files.ServeHTTP(w, r)
	})
	return map[string]http.Handler{reference.Prefix: pages, reference.OpenAPIPrefix: files}
}
