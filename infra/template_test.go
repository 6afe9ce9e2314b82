package infra_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// root is the top of the checkout, seen from this package's folder.
const root = ".."

// template is what the tests read of a CloudFormation template. An intrinsic
// function with a plain argument is the text "!Name argument", one with a list
// or map is a map with the one key "!Name".
type template struct {
	Metadata struct {
		Interface struct {
			ParameterGroups []struct{ Parameters []string }
		} `json:"AWS::CloudFormation::Interface"`
	}
	Parameters map[string]any
	Conditions map[string]any
	Globals    struct{ Function functionProperties }
	Resources  map[string]resource
	Outputs    map[string]struct{ Value any }
}

type resource struct {
	Type                string
	Condition           string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Metadata            struct{ BuildMethod string }
	Properties          json.RawMessage
}

// functionProperties are those of an AWS::Serverless::Function.
type functionProperties struct {
	CodeUri       string //nolint:revive // as CloudFormation spells it
	Handler       string
	Runtime       string
	Role          any
	Timeout       int
	Tracing       any
	Policies      any
	LoggingConfig struct{ LogGroup any }
	Environment   struct{ Variables map[string]any }
	Events        map[string]struct {
		Type       string
		Properties struct {
			ApiId, Method, Path string //nolint:revive // as CloudFormation spells it
			Auth                struct{ Authorizer string }
			// Of a queue.
			Queue                          string
			BatchSize                      int
			MaximumBatchingWindowInSeconds int
			FunctionResponseTypes          []string
			ScalingConfig                  struct{ MaximumConcurrency any }
			// Of a schedule.
			Schedule, Input string
		}
	}
}

// readTemplate parses a template of the checkout.
func readTemplate(t *testing.T, path string) template {
	t.Helper()
	file, err := parser.ParseFile(filepath.Join(root, path), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Docs) != 1 {
		t.Fatalf("%s has %d documents, want 1", path, len(file.Docs))
	}
	plain, err := plainValue(file.Docs[0].Body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var parsed template
	convert(t, plain, &parsed)
	if len(parsed.Resources) == 0 {
		t.Fatalf("%s has no resources", path)
	}
	return parsed
}

// properties decodes a resource's properties into what into points to.
func (r resource) properties(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(r.Properties, into); err != nil {
		t.Fatalf("properties of a %s: %v", r.Type, err)
	}
}

// convert takes a value made of maps and lists over into a typed one.
func convert(t *testing.T, from, into any) {
	t.Helper()
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// plainValue turns a YAML node into maps, lists and scalars, with tags as
// template describes them.
func plainValue(node ast.Node) (any, error) {
	switch n := node.(type) {
	case *ast.TagNode:
		return taggedValue(n)
	case *ast.MappingNode:
		m := make(map[string]any, len(n.Values))
		for _, pair := range n.Values {
			if err := addPair(m, pair); err != nil {
				return nil, err
			}
		}
		return m, nil
	case *ast.MappingValueNode:
		m := map[string]any{}
		return m, addPair(m, n)
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, item := range n.Values {
			value, err := plainValue(item)
			if err != nil {
				return nil, err
			}
			list[i] = value
		}
		return list, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case ast.ScalarNode:
		return n.GetValue(), nil
	}
	return nil, fmt.Errorf("%s: no rule for a %s", node.GetPath(), node.Type())
}

func addPair(m map[string]any, pair *ast.MappingValueNode) error {
	value, err := plainValue(pair.Value)
	if err != nil {
		return err
	}
	var key string
	switch k := pair.Key.(type) {
	case *ast.StringNode:
		key = k.Value
	default:
		key = pair.Key.String()
	}
	m[key] = value
	return nil
}

func taggedValue(n *ast.TagNode) (any, error) {
	value, err := plainValue(n.Value)
	if err != nil {
		return nil, err
	}
	name := n.Start.Value
	if text, ok := value.(string); ok {
		return name + " " + text, nil
	}
	return map[string]any{name: value}, nil
}

// ofType gives the names of the resources of a type, and fails if there are
// none: a test over an empty list would hold nothing.
func (tm template) ofType(t *testing.T, typ string) []string {
	t.Helper()
	var names []string
	for name, r := range tm.Resources {
		if r.Type == typ {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatalf("no resource is a %s", typ)
	}
	return names
}

// readJSON reads a JSON file of the checkout and refuses members that into
// does not have.
func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	file, err := os.Open(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
