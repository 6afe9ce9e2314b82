package deploytest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// previous holds the previous version's templates, by their paths in a checkout.
const previous = "testdata/previous"

// templates are a version's, by their paths in a checkout.
var templates = []string{"template.yaml", "infra/data.yaml"}

// Deploying over the previous version loses nothing.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	template, cli := built(t), operatorProgram(t)
	former := buildPrevious(t)
	aws := startCloud(t)
	s := aws.deploy(t, cli, "hookline", former, nil)
	customers := newCustomers(t, s, "1001")
	if !t.Run("previous", func(t *testing.T) { register(t, s, customers) }) {
		t.FailNow()
	}
	before, kept := remember(t, s, customers), s.data()

	s = aws.deploy(t, cli, "hookline", template, nil)
	if diff := cmp.Diff(kept, s.data(), cmp.AllowUnexported(data{}), cmp.Comparer(func(a, b *cloud) bool { return a == b })); diff != "" {
		t.Fatalf("the upgrade replaced data (-before +after):\n%s", diff)
	}
	kept.isThere(t)
	nothingIsLost(t, s, customers, before)
	t.Run("present", func(t *testing.T) { lifecycle(t, s, customers) })
	t.Run("new", func(t *testing.T) { register(t, s, newCustomers(t, s, "1002")) })
}

// buildPrevious builds the previous version and gives its built template.
func buildPrevious(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if commit := previousCommit(t); commit != "" {
		t.Logf("the previous version is commit %s", commit)
		archive := filepath.Join(dir, "source.tar")
		mustRun(t, root(t), os.Environ(), "git", "archive", "--output", archive, commit)
		mustRun(t, dir, os.Environ(), "tar", "-xf", archive)
	} else {
		t.Log("git does not know the previous version: its templates are tried with the present functions")
		copySource(t, dir)
	}
	output := filepath.Join(dir, "built")
	environment := append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false -tags=lambda.norpc,nethttpomithttp2 -ldflags=-s")
	if err := sam(t, dir, environment, "build", "--build-dir", output, "--parameter-overrides", "Architecture="+architecture()); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(output, "template.yaml")
}

// copySource makes dir the present version with the previous one's templates.
func copySource(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"functions", "pkg"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root(t), name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(dir, os.DirFS(previous)); err != nil {
		t.Fatal(err)
	}
}

// previousCommit finds the newest commit that has the previous version's
// templates, to the byte. It is empty where git does not know one.
func previousCommit(t *testing.T) string {
	t.Helper()
	commits, err := run(t, root(t), os.Environ(), "git", "rev-list", "HEAD")
	if err != nil {
		return "" // no git, or no repository
	}
	for commit := range strings.Lines(commits) {
		if commit = strings.TrimSpace(commit); hasPrevious(t, commit) {
			return commit
		}
	}
	return ""
}

func hasPrevious(t *testing.T, commit string) bool {
	t.Helper()
	for _, name := range templates {
		want, err := os.ReadFile(filepath.Join(previous, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := run(t, root(t), os.Environ(), "git", "show", commit+":"+name)
		if err != nil || !bytes.Equal([]byte(got), want) {
			return false
		}
	}
	return true
}
