package clients_test

import (
	"io/fs"
	"path/filepath"
	"testing"
)

// descriptions finds every OpenAPI description of this module, by the name of
// the folder that it is in.
func descriptions(t *testing.T) map[string]string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", "..", "pkg"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Base(path) == "openapi.yaml" {
			found[filepath.Base(filepath.Dir(path))] = path
		}
		return err
	})
	if err != nil || len(found) < 3 {
		t.Fatalf("found %v, %v", found, err)
	}
	return found
}
