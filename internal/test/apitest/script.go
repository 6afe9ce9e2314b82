package apitest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// Script is a golden file, written as Golden says: its settings, empty where
// its comment has none, and its exchanges.
type Script struct {
	Name                     string
	Env                      map[string]string
	Clock, Store, Deliveries string
	Exchanges                []*Exchange

	path, comment string
}

// Exchange is a request and the answer that was recorded.
type Exchange struct {
	// Name is the request's in the file.
	Name, Request, Response string

	responseName string
}

// ReadScripts reads the golden files in dir, of which there is at least one.
func ReadScripts(t testing.TB, dir string) []*Script {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden exchanges in %s: %v", dir, err)
	}
	scripts := make([]*Script, len(files))
	for i, file := range files {
		scripts[i] = readScript(t, file)
	}
	return scripts
}

func readScript(t testing.TB, file string) *Script {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) == 0 || len(archive.Files)%2 != 0 {
		t.Fatalf("%s: %d files, want pairs of a request and its answer", file, len(archive.Files))
	}
	s := &Script{
		Name: strings.TrimSuffix(filepath.Base(file), ".txtar"), Env: map[string]string{},
		path: file, comment: string(archive.Comment),
	}
	for line := range strings.Lines(s.comment) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "env":
			variable, setting, _ := strings.Cut(value, "=")
			s.Env[variable] = setting
		case "clock":
			s.Clock = value
		case "store":
			s.Store = value
		case "deliveries":
			s.Deliveries = value
		}
	}
	for i := 0; i < len(archive.Files); i += 2 {
		request, response := archive.Files[i], archive.Files[i+1]
		s.Exchanges = append(s.Exchanges, &Exchange{
			Name: request.Name, Request: string(request.Data), Response: string(response.Data), responseName: response.Name,
		})
	}
	return s
}

// write writes the file anew, with the answers as they are now.
func (s *Script) write(t *testing.T) {
	t.Helper()
	archive := &txtar.Archive{Comment: []byte(s.comment)}
	for _, e := range s.Exchanges {
		archive.Files = append(archive.Files,
			txtar.File{Name: e.Name, Data: []byte(e.Request)}, txtar.File{Name: e.responseName, Data: []byte(e.Response)})
	}
	if err := os.WriteFile(s.path, txtar.Format(archive), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Play sends the script's requests over wire, one after the other, with tokens
// in the place of their names, and calls compare with each answer in the form
// in which answers are recorded. Requests that the wire cannot carry are left
// out.
func (s *Script) Play(t *testing.T, wire Wire, tokens map[string]string, compare func(e *Exchange, got string)) {
	t.Helper()
	var responses []string
	for _, e := range s.Exchanges {
		got := exchange(t, wire, fill(t, fillIDs(t, e.Request, responses), tokens))
		responses = append(responses, got)
		if got != "" {
			compare(e, got)
		}
	}
}
