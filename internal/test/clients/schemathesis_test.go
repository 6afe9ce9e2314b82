package clients_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/api/all"
)

// Whatever schemathesis thinks of sending, right or wrong, is answered as
// described, with all its checks.
func TestSchemathesis(t *testing.T) {
	t.Parallel()
	onlyLong(t)
	config, err := filepath.Abs(filepath.Join("testdata", "schemathesis.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all.APIs() {
		t.Run(string(a.Name), func(t *testing.T) {
			t.Parallel()
			env := serve(t)
			value := func(name string) string {
				name = strings.ToUpper(string(a.Name)) + "_" + name + "="
				at := slices.IndexFunc(env, func(line string) bool { return strings.HasPrefix(line, name) })
				return strings.TrimPrefix(env[at], name)
			}
			// Here it leaves what it learned.
			dir := t.TempDir()
			file := filepath.Join(dir, "openapi.yaml")
			if err := os.WriteFile(file, []byte(all.OpenAPI()[a.Name]), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Log(run(t, dir, nil, tool(t, "python", "bin", "python"), "-m", "schemathesis.cli", "--config-file", config,
				"run", file, "--url", value("URL"), "--header", a.Example.TokenHeader+value("TOKEN"),
				"--continue-on-failure", "--no-color", "--max-examples", "50", "--max-time", "60"))
		})
	}
}
