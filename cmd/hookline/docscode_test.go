package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookline/hookline/cmd/hookline/reference"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/webhook"
)

// received is a delivery as the code of the pages gets it, header names in
// lower case.
type received struct {
	Key     string            `json:"key"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// calls complete the code of a language to a program that reads a delivery from
// standard input and writes whether it is verified.
var calls = map[string]struct {
	command []string
	file    string
	call    string
}{
	"node": {[]string{"node", "verify.mjs"}, "verify.mjs", `
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(0));
console.log(verify(given.key, given.headers, Buffer.from(given.body)));
`},
	"python": {[]string{"python3", "verify.py"}, "verify.py", `
import json, sys
given = json.load(sys.stdin)
print(str(verify(given["key"], given["headers"], given["body"].encode())).lower())
`},
	"php": {[]string{"php", "verify.php"}, "verify.php", `
$given = json_decode(file_get_contents('php://stdin'), true);
echo verify($given['key'], $given['headers'], $given['body']) ? 'true' : 'false';
`},
	"go": {[]string{"go", "run", "."}, "verify.go", ""},
}

// goMain is the program around the code in Go.
const goMain = `package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	var given struct {
		Key, Body string
		Headers   map[string]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	header := http.Header{}
	for name, value := range given.Headers {
		header.Set(name, value)
	}
	fmt.Println(Verify(given.Key, header, []byte(given.Body)))
}
`

// The code that the pages show verifies real deliveries of each API, in each
// language, and nothing else.
func TestDocsCodeVerifies(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	for _, customer := range customers(t, where, s, c) {
		customer.published(t, where)
		arrived := <-c.arrivals
		given := received{customer.key, map[string]string{}, arrived.body}
		for name := range arrived.header {
			given.Headers[strings.ToLower(name)] = arrived.header.Get(name)
		}
		list, err := reference.Verifications(reference.Description{Name: customer.api, Text: descriptions()[webhook.API(customer.api)]})
		if err != nil || len(list) != 1+len(customer.schemes) {
			t.Fatalf("%s: %d ways to verify, %v", customer.api, len(list), err)
		}
		changed := given
		changed.Body += " "
		foreign := given
		foreign.Key = strings.Repeat("0123456789abcdef", 2)
		for _, way := range list {
			for _, sample := range way.Samples {
				if long.Pick(sample.Language != "python", false) { // Python is there for other tests
					continue
				}
				t.Run(customer.api+"/"+way.Title+"/"+sample.Language, func(t *testing.T) {
					verify := newVerifier(t, sample, customer)
					for name, tt := range map[string]struct {
						given received
						want  bool
					}{"as it came": {given, true}, "changed": {changed, false}, "another key": {foreign, false}} {
						if got := verify(tt.given); got != tt.want {
							t.Errorf("%s: %t, want %t", name, got, tt.want)
						}
					}
				})
			}
		}
	}
}

// newVerifier makes a program of a sample.
func newVerifier(t *testing.T, sample reference.Sample, customer *customerOf) func(received) bool {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if sample.Language == "curl" {
		return func(given received) bool {
			write("body", given.Body)
			own := "webhook-signature"
			if !strings.Contains(sample.Text, "TIMESTAMP") {
				own = strings.ToLower(customer.schemes[0])
			}
			return strings.TrimSpace(output(t, dir, nil, []string{
				"KEY=" + given.Key, "SIGNATURE=" + given.Headers[own], "ID=" + given.Headers["webhook-id"], "TIMESTAMP=" + given.Headers["webhook-timestamp"],
			}, "sh", "-c", sample.Text)) == "verified"
		}
	}
	how, known := calls[sample.Language]
	if !known {
		t.Fatalf("no way to run it, only %q", slices.Sorted(maps.Keys(calls)))
	}
	command := how.command
	write(how.file, sample.Text+how.call)
	if sample.Language == "go" {
		write(how.file, strings.Replace(sample.Text, "package receiver", "package main", 1))
		write("main.go", goMain)
		write("go.mod", "module verify\n\ngo 1.26\n")
		output(t, dir, nil, nil, "go", "build", "-o", "verify", ".")
		command = []string{filepath.Join(dir, "verify")}
	}
	return func(given received) bool {
		text, err := json.Marshal(given)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(output(t, dir, text, nil, command...)) == "true"
	}
}

// output runs a command in a directory and gives its standard output.
func output(t *testing.T, dir string, input []byte, environment []string, command ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Dir, c.Stdin, c.Env = dir, bytes.NewReader(input), append(os.Environ(), environment...)
	var said bytes.Buffer
	c.Stderr = &said
	text, err := c.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s", command, err, said.String())
	}
	return string(text)
}
