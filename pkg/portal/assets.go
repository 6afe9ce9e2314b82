package portal

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"
)

//go:embed assets/portal.css assets/portal.js
var assetFiles embed.FS

// assets are the files that pages refer to. Their names have a hash of their
// contents, so they can be cached for ever.
type assets struct {
	root string // the path that theirs begin with
	// Style, Accent and Script are paths.
	Style, Accent, Script string
	files                 map[string]asset // by path
}

type asset struct {
	kind string
	text []byte
}

// newAssets returns the files under a path that ends in a slash.
func newAssets(root string, accent accent) assets {
	a := assets{root: root, files: map[string]asset{}}
	style, styleErr := assetFiles.ReadFile("assets/portal.css")
	script, scriptErr := assetFiles.ReadFile("assets/portal.js")
	if styleErr != nil || scriptErr != nil {
		panic("portal: an asset is not embedded")
	}
	const css = "text/css; charset=utf-8"
	a.Style = a.add("portal", ".css", css, style)
	a.Accent = a.add("accent", ".css", css, accent.stylesheet())
	a.Script = a.add("portal", ".js", "text/javascript; charset=utf-8", script)
	return a
}

func (a assets) add(name, ending, kind string, text []byte) (path string) {
	hash := sha256.Sum256(text)
	path = a.root + name + "-" + hex.EncodeToString(hash[:6]) + ending
	a.files[path] = asset{kind, text}
	return path
}

// ServeHTTP serves the files, and nothing of what a former version called
// otherwise.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a.files[r.URL.Path]
	if !ok || strings.Contains(r.URL.EscapedPath(), "%") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(file.text) // a client that has left needs nothing
}
