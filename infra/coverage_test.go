package infra_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/goccy/go-yaml"
)

// unreplayed are statuses that no event brings about: a body over 256 KiB, a
// fault of our own, and working hours that are over.
var unreplayed = []string{"413", "500", "503"}

// Every answer that an API's description promises has an event that brings it
// about, but those of unreplayed.
func TestEventsCoverTheAPIs(t *testing.T) {
	descriptions, err := filepath.Glob(filepath.Join(root, "pkg", "dialect", "*", "openapi.yaml"))
	if err != nil || len(descriptions) < 3 {
		t.Fatalf("found the descriptions %v, %v", descriptions, err)
	}
	for _, file := range descriptions {
		api := filepath.Base(filepath.Dir(file))
		t.Run(api, func(t *testing.T) {
			promised := promises(t, file)
			var paths []string
			for _, p := range promised {
				paths = append(paths, strings.Fields(p)[1])
			}
			got := map[string]bool{}
			for _, folder := range functionFolders(t) {
				if !strings.HasPrefix(folder, api+"-") {
					continue
				}
				for _, name := range eventCases(t, folder) {
					var e events.APIGatewayV2HTTPRequest
					var want expectation
					readJSON(t, filepath.Join("events", folder, name+".json"), &e)
					readJSON(t, filepath.Join("events", folder, name+wantSuffix), &want)
					got[fmt.Sprintf("%s %s %d", e.RequestContext.HTTP.Method, described(paths, e.RawPath), want.StatusCode)] = true
				}
			}
			for _, p := range promised {
				if status := strings.Fields(p)[2]; !got[p] && !slices.Contains(unreplayed, status) {
					t.Errorf("no event is answered %s", p)
				}
			}
		})
	}
}

// promises lists "METHOD path status" for all that an OpenAPI description says.
func promises(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var description struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &description); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var all []string
	for path, item := range description.Paths {
		for method, operation := range item {
			method = strings.ToUpper(method)
			if !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, method) {
				continue
			}
			responses, _ := operation.(map[string]any)["responses"].(map[string]any)
			for status := range responses {
				all = append(all, fmt.Sprintf("%s %s %s", method, path, status))
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s describes nothing", file)
	}
	slices.Sort(all)
	return all
}

// described gives the path of a description that a request's is of, or "": the
// same, or one that has {id} in the place of a segment.
func described(paths []string, path string) string {
	if slices.Contains(paths, path) {
		return path
	}
	for _, pattern := range paths {
		before, after, found := strings.Cut(pattern, "{id}")
		rest, ok := strings.CutPrefix(path, before)
		id, ends := strings.CutSuffix(rest, after)
		if found && ok && ends && id != "" && !strings.Contains(id, "/") {
			return pattern
		}
	}
	return ""
}
