package clients_test

import (
	"io/fs"
	"path/filepath"
	"testing"
)

// descriptions finds every OpenAPI description of this module, by the name of
// the package that is generated from it: that of the folder that it is in, but
// for operator, which is a module of Python's own.
func descriptions(t *testing.T) map[string]string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", "..", "pkg"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Base(path) == "openapi.yaml" {
			name := filepath.Base(filepath.Dir(path))
			if name == "operator" {
				name = "operatorapi"
			}
			found[name] = path
		}
		return err
	})
	if err != nil || len(found) < 4 {
		t.Fatalf("found %v, %v", found, err)
	}
	return found
}
