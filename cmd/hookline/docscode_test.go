package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/reference"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

// received is a delivery as the code of the pages gets it, header names in
// lower case.
type received struct {
	Key     string            `json:"key"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// with returns the delivery with other headers.
func (r received) with(headers map[string]string) received {
	r.Headers = maps.Clone(r.Headers)
	maps.Copy(r.Headers, headers)
	return r
}

// calls complete the code of a language to a program that reads a delivery from
// standard input and writes whether it is genuine.
var calls = map[string]struct {
	command []string
	call    string
}{
	"shell": {[]string{"sh", "verify.sh"}, ""}, // which reads variables
	"node": {[]string{"node", "verify.mjs"}, `
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(0));
console.log(verify(given.key, given.headers, Buffer.from(given.body)) ? "genuine" : "forged");
`},
	"python": {[]string{"python3", "verify.py"}, `
import json, sys
given = json.load(sys.stdin)
print("genuine" if verify(given["key"], given["headers"], given["body"].encode()) else "forged")
`},
	"php": {[]string{"php", "verify.php"}, `
$given = json_decode(file_get_contents('php://stdin'), true);
$server = [];
foreach ($given['headers'] as $name => $value) {
    $server['HTTP_' . strtoupper(strtr($name, '-', '_'))] = $value;
}
echo verify($given['key'], $server, $given['body']) ? 'genuine' : 'forged';
`},
	"go": {[]string{"./verify"}, ""},
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
	fmt.Println(map[bool]string{true: "genuine", false: "forged"}[Verify(given.Key, header, []byte(given.Body))])
}
`

// The code that the pages show and the portal verifies real deliveries of each
// API, in each language, and nothing else. The short run leaves out what takes a
// compiler or may not be installed.
func TestDocsCodeVerifies(t *testing.T) {
	t.Parallel()
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
		for i, way := range list {
			deliveries := forgeries(given)
			if i == len(list)-1 { // the last is by Standard Webhooks
				maps.Copy(deliveries, standardDeliveries(t, given))
			}
			for _, sample := range way.Samples {
				if long.Pick(sample.Name != "python", false) { // Python is there for other tests
					continue
				}
				t.Run(customer.api+"/"+way.Title+"/"+sample.Name, func(t *testing.T) {
					verify := newVerifier(t, sample)
					for name, d := range deliveries {
						want, _, _ := strings.Cut(name, ":")
						if got := verify(d); got != want {
							t.Errorf("%s is %s", name, got)
						}
					}
				})
			}
		}
	}
}

// forgeries are a delivery and others that are like it, by what they are.
func forgeries(given received) map[string]received {
	changed, foreign := given, given
	changed.Body += " "
	foreign.Key = strings.Repeat("0123456789abcdef", 2)
	nothing := received{given.Key, map[string]string{}, given.Body}
	return map[string]received{"genuine": given, "forged: changed": changed, "forged: another key": foreign, "forged: no headers": nothing}
}

// standardDeliveries are what the time and several signatures make of one.
func standardDeliveries(t *testing.T, given received) map[string]received {
	t.Helper()
	const older, later = "forged: ten minutes old", "genuine: beside another key's"
	old, err := signing.Standard("1", time.Now().Add(-10*time.Minute), []byte(given.Body), webhook.NewSecret(given.Key))
	both, errBoth := signing.Standard("1", time.Now(), []byte(given.Body), webhook.NewSecret("AAAA"), webhook.NewSecret(given.Key))
	if err := errors.Join(err, errBoth); err != nil {
		t.Fatal(err)
	}
	return map[string]received{older: given.with(old), later: given.with(both)}
}

// newVerifier makes a program of a sample, which says what a delivery is.
func newVerifier(t *testing.T, sample reference.Sample) func(received) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	how, known := calls[sample.Name]
	if !known {
		t.Fatalf("no way to run it, only %q", slices.Sorted(maps.Keys(calls)))
	}
	write("verify."+sample.Ending, strings.Replace(sample.Text, "package receiver", "package main", 1)+how.call)
	if sample.Name == "go" {
		write("main.go", goMain)
		write("go.mod", "module verify\n\ngo 1.26\n")
		output(t, dir, nil, nil, "go", "build", "-o", "verify", ".")
	}
	return func(given received) string {
		text, err := json.Marshal(given)
		if err != nil {
			t.Fatal(err)
		}
		write("body", given.Body) // and variables, for the shell
		variables := []string{"key=" + given.Key}
		for name, value := range given.Headers {
			variables = append(variables, strings.ReplaceAll(name, "-", "_")+"="+value)
		}
		return strings.TrimSpace(output(t, dir, text, variables, how.command...))
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
