package clients_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tools is where `make tools-long` puts the generators.
var tools = filepath.Join("..", "..", "..", ".tools", "clients")

// tool is the absolute path of a program or file that `make tools-long` installs.
func tool(t *testing.T, parts ...string) string {
	t.Helper()
	matches, err := filepath.Glob(filepath.Join(append([]string{tools}, parts...)...))
	if err != nil || len(matches) == 0 {
		t.Fatalf("%s is missing: run make tools-long", filepath.Join(parts...))
	}
	path, err := filepath.Abs(matches[0])
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// installed is a program that the machine must have.
func installed(t *testing.T, name, why string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not in PATH: %s", name, why)
	}
	return path
}

// run runs a program in dir, with env beside this process's own environment,
// and returns what it printed. The test fails if the program does.
func run(t *testing.T, dir string, env []string, program string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, arguments...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(program), strings.Join(arguments, " "), err, out.String(), errors.String())
	}
	return out.String()
}

// language is a generator of openapi-generator and its options.
type language struct {
	generator string
	// options are given the name of the API.
	options func(name string) map[string]any
}

// openAPIGenerator makes the clients of every description, each in
// dir/<generator>/<name>, in one process, since it takes long to start.
func openAPIGenerator(t *testing.T, dir string, languages ...language) {
	t.Helper()
	java := installed(t, "java", "openapi-generator runs on it")
	// It compiles itself no further than pays for so short a run.
	arguments := []string{
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-jar", tool(t, "java", "openapi-generator-cli-*.jar"), "batch", "--fail-fast", "--threads", "1",
	}
	for _, language := range languages {
		for name, file := range descriptions(t) {
			config := map[string]any{
				"generatorName": language.generator, "inputSpec": file,
				"outputDir":            filepath.Join(dir, language.generator, name),
				"additionalProperties": language.options(name),
			}
			content, err := json.Marshal(config)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, language.generator+"-"+name+".json")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			arguments = append(arguments, path)
		}
	}
	run(t, dir, nil, java, arguments...)
}

// write puts a file of testdata, or with content that text, into dir.
func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// customer puts what a customer of the generator's clients writes into dir.
func customer(t *testing.T, generator, name, dir string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", generator, name))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, name, string(content))
}

// compare holds what a customer's program printed to testdata/transcript.txt.
func compare(t *testing.T, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", "transcript.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the clients give another result (-want +got):\n%s", diff)
	}
}
