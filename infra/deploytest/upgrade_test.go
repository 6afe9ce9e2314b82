package deploytest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/webhook"
)

// previous holds the previous version's templates, by their paths in a checkout.
const previous = "testdata/previous"

// previousTemplates are the previous version's templates, by their paths in a
// checkout.
func previousTemplates(t *testing.T) []string {
	t.Helper()
	nested, err := filepath.Glob(filepath.Join(previous, "infra", "*.yaml"))
	if err != nil || len(nested) == 0 {
		t.Fatalf("%s has no nested templates: %v", previous, err)
	}
	names := []string{"template.yaml"}
	for _, path := range nested {
		names = append(names, "infra/"+filepath.Base(path))
	}
	return names
}

// Deploying over the previous version loses nothing.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	template, cli := built(t), operatorProgram(t)
	former, formerCLI := buildPrevious(t)
	aws := startEmulator(t)
	receiver := startReceiver(t)
	s := aws.deploy(t, formerCLI, "hookline", former, localReceivers)
	customers := formerCustomers(t, s, "1001", receiver.url)
	if !t.Run("previous", func(t *testing.T) { register(t, s, customers) }) {
		t.FailNow()
	}
	before, stored := remember(t, s, customers), s.data()

	s = aws.deploy(t, cli, "hookline", template, localReceivers)
	if diff := cmp.Diff(stored, s.data(), cmp.AllowUnexported(data{}), cmp.Comparer(func(a, b *emulator) bool { return a == b })); diff != "" {
		t.Fatalf("the upgrade replaced data (-before +after):\n%s", diff)
	}
	if url := s.outputs["EventsUrl"]; !strings.HasSuffix(url, ".amazonaws.com/events") || !strings.Contains(url, s.resources["Api"]) {
		t.Errorf("output EventsUrl is %s", url)
	}
	stored.isThere(t)
	nothingIsLost(t, s, customers, before)
	t.Run("present", func(t *testing.T) { lifecycle(t, s, customers) })
	t.Run("delivery", func(t *testing.T) { receiver.getsWhatIsPublished(t, s, customers) })
	t.Run("new", func(t *testing.T) { register(t, s, newCustomers(t, s, "1002", receiver.url)) })
}

// formerCustomers makes customers by the previous version's commands, or, where
// they are not to be had, writes what they would have: the present ones ask for
// more than an earlier stack has.
func formerCustomers(t *testing.T, s *stack, id, site string) []*customer {
	t.Helper()
	if s.cli != "" {
		return newCustomers(t, s, id, site)
	}
	store, keys, now := s.data().store(t), keygen.New(rand.Reader, time.Now), time.Now().Truncate(time.Millisecond)
	var customers []*customer
	for _, a := range []api{squake, shoptet, abbeycross} {
		c := &customer{api: a, account: webhook.Account{API: a.name, ID: id}, site: site}
		token, err := keys.Token()
		if err != nil {
			t.Fatal(err)
		}
		c.token = token.Reveal()
		err = errors.Join(
			store.CreateAccount(t.Context(), webhook.AccountInfo{Account: c.account, CreatedAt: now}),
			store.CreateToken(t.Context(), webhook.Token{
				ID: "t1", Account: c.account, Hash: webhook.HashToken(c.token), Rights: webhook.AllRights, CreatedAt: now,
			}),
		)
		if err != nil {
			t.Fatal(err)
		}
		customers = append(customers, c)
	}
	return customers
}

// buildPrevious builds the previous version and gives its built template and,
// where git knows them, its operator's commands.
func buildPrevious(t *testing.T) (template, cli string) {
	t.Helper()
	dir := t.TempDir()
	if commit := previousCommit(t); commit != "" {
		t.Logf("the previous version is commit %s", commit)
		archive := filepath.Join(dir, "source.tar")
		mustRun(t, root(t), os.Environ(), "git", "archive", "--output", archive, commit)
		mustRun(t, dir, os.Environ(), "tar", "-xf", archive)
		cli = filepath.Join(dir, "hookline")
		mustRun(t, dir, os.Environ(), "go", "build", "-o", cli, "./cmd/hookline")
	} else {
		t.Log("git does not know the previous version: its templates are tried with the present functions")
		copySource(t, dir)
	}
	output := filepath.Join(dir, "built")
	environment := append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false -tags=lambda.norpc,nethttpomithttp2 -ldflags=-s")
	if err := sam(t, dir, environment, "build", "--build-dir", output, "--parameter-overrides", "Architecture="+architecture()); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(output, "template.yaml"), cli
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
	templates := previousTemplates(t)
	for commit := range strings.Lines(commits) {
		if commit = strings.TrimSpace(commit); hasPrevious(t, commit, templates) {
			return commit
		}
	}
	return ""
}

func hasPrevious(t *testing.T, commit string, templates []string) bool {
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
