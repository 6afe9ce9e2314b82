package all_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/webhook"
)

// Every folder of pkg/api that has a description is an API in both lists.
func TestEveryFolderIsListed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "*", "openapi.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found %q, %v", files, err)
	}
	var want []string
	for _, file := range files {
		want = append(want, filepath.Base(filepath.Dir(file)))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := all.OpenAPI()[webhook.API(want[len(want)-1])]; got != string(text) {
			t.Errorf("OpenAPI has %d bytes of %s, want %d", len(got), file, len(text))
		}
	}
	var names []string
	for _, api := range all.APIs() {
		names = append(names, string(api.Name))
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("APIs are %q, the folders %q", names, want)
	}
}

// A request belongs to one API, by its path's first segment.
func TestAPIsAreApart(t *testing.T) {
	prefixes := map[string]webhook.API{}
	for _, api := range all.APIs() {
		if other, taken := prefixes[api.Prefix]; taken {
			t.Errorf("%s and %s both have the prefix %s", api.Name, other, api.Prefix)
		}
		prefixes[api.Prefix] = api.Name
		if got, err := all.Find(string(api.Name)); err != nil || got.Name != api.Name {
			t.Errorf("Find(%q) = %s, %v", api.Name, got.Name, err)
		}
	}
	if _, err := all.Find("none"); !errors.Is(err, webhook.ErrInvalid) {
		t.Errorf("Find of a name that is none: %v, want ErrInvalid", err)
	}
}
