package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
)

const (
	// environmentFile and eventsFolder are what is written, in the directory.
	environmentFile = "local-env.json"
	eventsFolder    = "local-events"
	// shared names what events/env.json has for all functions.
	shared = "Parameters"
	// tokenPlaceholder stands for a token that may read and write.
	tokenPlaceholder = "hk_test_PLACEHOLDER"
)

// writeFiles writes the environment, with the database as a container reaches
// it, and the events, with tokens and accounts filled in. The files are for
// their owner only, since they hold tokens.
func writeFiles(c config, accounts []account, now time.Time) error {
	endpoint, err := insideContainer(c.endpoint, c.host)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join("events", "env.json"))
	if err != nil {
		return err
	}
	var environment map[string]map[string]string
	if err := json.Unmarshal(text, &environment); err != nil {
		return fmt.Errorf("events/env.json: %w", err)
	}
	environment[shared]["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
	if text, err = json.MarshalIndent(environment, "", "  "); err != nil {
		return err
	}
	if err := write(filepath.Join(c.directory, environmentFile), text); err != nil {
		return err
	}
	return writeEvents(filepath.Join(c.directory, eventsFolder), accounts, now)
}

// insideContainer is a URL of this machine as a container has it.
func insideContainer(endpoint, host string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("endpoint %q is no URL, such as http://127.0.0.1:8000", endpoint)
	}
	if name := u.Hostname(); name == "localhost" || net.ParseIP(name).IsLoopback() {
		u.Host = net.JoinHostPort(host, u.Port())
	}
	return u.String(), nil
}

// writeEvents writes every event of events/ into a folder of its own.
func writeEvents(folder string, accounts []account, now time.Time) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	events, err := filepath.Glob(filepath.Join("events", "*", "*.json"))
	if err != nil || len(events) == 0 {
		return fmt.Errorf("no events in events/: start at the top of the checkout (%w)", os.ErrNotExist)
	}
	for _, path := range events {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		function := filepath.Base(filepath.Dir(path))
		filled := filler(function, accounts, now).Replace(string(text))
		if err := write(filepath.Join(folder, function, filepath.Base(path)), []byte(filled)); err != nil {
			return err
		}
	}
	return nil
}

// filler puts what was made in place of the placeholders of a function's
// events (infra/doc.go).
func filler(function string, accounts []account, now time.Time) *strings.Replacer {
	pairs := []string{"{now}", now.UTC().Format(time.RFC3339)}
	for _, a := range accounts {
		api := string(a.API)
		pairs = append(pairs, "{"+api+"}", a.String())
		if strings.HasPrefix(function, api+"-") {
			pairs = append(pairs, tokenPlaceholder, a.token.Reveal())
		}
	}
	return strings.NewReplacer(pairs...)
}

func write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600) //nolint:gosec // below the directory that whoever runs it names
}

// welcome says what to type.
func welcome(c config, accounts []account) string {
	var b strings.Builder
	fmt.Fprintf(&b, "DynamoDB Local at %s\n", c.endpoint)
	for _, a := range accounts {
		fmt.Fprintf(&b, "  %s  %s\n", a.Account, a.token.Reveal())
	}
	events := filepath.Join(c.directory, eventsFolder)
	b.WriteString("\nIn another terminal (docs/local.md has more):\n\n")
	for _, sample := range samples() {
		fmt.Fprintf(&b, "sam local invoke %s --event %s --env-vars %s\n",
			sample.resource, filepath.Join(events, sample.event), filepath.Join(c.directory, environmentFile))
	}
	b.WriteString("\nCtrl-C ends it, with what it stored.\n")
	return b.String()
}

// sample is an event of a function.
type sample struct{ resource, event string }

// samples returns one event for each function that has a customer's token, in an
// order in which they can be sent.
func samples() []sample {
	var list []sample
	for _, api := range all.APIs() {
		name := string(api.Name)
		resource := strings.ToUpper(name[:1]) + name[1:]
		list = append(list, sample{resource + "Register", name + "-register/created.json"}, sample{resource + "Manage", name + "-manage/list.json"})
	}
	return append(list, sample{"Publish", "publish/squake.json"})
}
