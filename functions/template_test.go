package functions_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
)

// template is what these tests read of template.yaml. "!GetAtt X" and "!Ref X"
// are read as X.
type template struct {
	Resources map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			CodeURI string `yaml:"CodeUri"`
			Events  map[string]struct {
				Type       string `yaml:"Type"`
				Properties struct {
					Method string `yaml:"Method"`
					Path   string `yaml:"Path"`
					Input  string `yaml:"Input"`
				} `yaml:"Properties"`
			} `yaml:"Events"`
			Policies []policy `yaml:"Policies"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

type policy struct {
	// Optional says that a role has it on a condition.
	Optional       bool `yaml:"-"`
	PolicyDocument struct {
		Statement []struct {
			Action    many                       `yaml:"Action"`
			Resource  many                       `yaml:"Resource"`
			Condition map[string]map[string]many `yaml:"Condition"`
		} `yaml:"Statement"`
	} `yaml:"PolicyDocument"`
}

// UnmarshalYAML reads a policy, and one that a role has on a condition as none.
// The tests run the functions with notices and the portal, so those conditions
// hold.
func (p *policy) UnmarshalYAML(text []byte) error {
	type plain policy
	if !bytes.HasPrefix(text, []byte("!If")) {
		return yaml.Unmarshal(text, (*plain)(p))
	}
	var branches []unread
	if err := yaml.Unmarshal(text, &branches); err != nil || len(branches) != 3 {
		return err
	}
	if condition := string(branches[0]); condition != "HasNotices" && condition != "HasPortal" {
		return nil
	}
	err := yaml.Unmarshal(branches[1], (*plain)(p))
	p.Optional = true
	return err
}

// unread is the text of a node.
type unread []byte

func (u *unread) UnmarshalYAML(text []byte) error {
	*u = bytes.TrimSpace(bytes.Clone(text))
	return nil
}

// many is a text or a list of them.
type many []string

// UnmarshalYAML reads either.
func (m *many) UnmarshalYAML(text []byte) error {
	var one string
	if err := yaml.Unmarshal(text, &one); err == nil {
		*m = many{one}
		return nil
	}
	return yaml.Unmarshal(text, (*[]string)(m))
}

// parseTemplate reads template.yaml once for all tests, since that takes long.
var parseTemplate = sync.OnceValues(func() (template, error) {
	var tm template
	text, err := os.ReadFile(filepath.Join("..", "template.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &tm)
	}
	return tm, err
})

func readTemplate(tb testing.TB) template {
	tb.Helper()
	tm, err := parseTemplate()
	if err != nil {
		tb.Fatalf("template.yaml: %v", err)
	}
	return tm
}

// routes maps each route key of the HTTP API to its function, such as
// "ANY /v2/{proxy+}" to SquakeManage.
type routes map[string]string

func readRoutes(tb testing.TB) routes {
	tb.Helper()
	found := routes{}
	for name, r := range readTemplate(tb).Resources {
		for _, e := range r.Properties.Events {
			if r.Type == "AWS::Serverless::Function" && e.Type == "HttpApi" {
				found[e.Properties.Method+" "+e.Properties.Path] = name
			}
		}
	}
	if len(found) == 0 {
		tb.Fatal("template.yaml has no routes")
	}
	return found
}

// key picks the route of a request as an HTTP API does: a full match of path
// and method, then of the path with ANY, then the longest prefix with
// {proxy+}. It is "" if there is none.
func (r routes) key(method, path string) string {
	for _, key := range []string{method + " " + path, "ANY " + path} {
		if r[key] != "" {
			return key
		}
	}
	var best string
	for key := range r {
		prefix, greedy := strings.CutSuffix(key, "{proxy+}")
		_, prefix, _ = strings.Cut(prefix, " ")
		if greedy && strings.HasPrefix(path, prefix) && len(path) > len(prefix) && len(key) > len(best) {
			best = key
		}
	}
	return best
}
