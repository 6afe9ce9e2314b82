package reference

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
)

// node is a value of a description, in the order of its text. References are
// followed. What is not there is a node without a value.
type node struct {
	value any
	root  any
}

// parse reads a description.
func parse(text string) (node, error) {
	var value any
	if err := yaml.UnmarshalWithOptions([]byte(text), &value, yaml.UseOrderedMap()); err != nil {
		return node{}, err
	}
	return node{value, value}, nil
}

func (n node) exists() bool { return n.value != nil }

// text returns a scalar as text, empty for anything else.
func (n node) text() string {
	switch n.value.(type) {
	case nil, yaml.MapSlice, []any:
		return ""
	}
	return fmt.Sprint(n.value)
}

func (n node) isTrue() bool { return n.value == true }

// get returns a member of an object, followed if it is a reference.
func (n node) get(path ...string) node {
	for _, name := range path {
		object, _ := n.value.(yaml.MapSlice)
		n.value = nil
		for _, item := range object {
			if item.Key == name {
				n.value = item.Value
			}
		}
		n = n.followed()
	}
	return n
}

// followed returns what a reference within the description refers to.
func (n node) followed() node {
	object, _ := n.value.(yaml.MapSlice)
	for _, item := range object {
		if path, ok := item.Value.(string); ok && item.Key == "$ref" {
			return node{n.root, n.root}.get(strings.Split(strings.TrimPrefix(path, "#/"), "/")...)
		}
	}
	return n
}

// member is a member of an object.
type member struct {
	name string
	node
}

// members returns those of an object, in order.
func (n node) members() []member {
	var list []member
	object, _ := n.value.(yaml.MapSlice)
	for _, item := range object {
		list = append(list, member{fmt.Sprint(item.Key), node{item.Value, n.root}.followed()})
	}
	return list
}

// items returns those of an array.
func (n node) items() []node {
	var list []node
	array, _ := n.value.([]any)
	for _, value := range array {
		list = append(list, node{value, n.root}.followed())
	}
	return list
}

// texts returns the scalars of an array, or the one scalar.
func (n node) texts() []string {
	if text := n.text(); text != "" {
		return []string{text}
	}
	var list []string
	for _, item := range n.items() {
		list = append(list, item.text())
	}
	return list
}

// words are the literals of a language.
type words struct{ yes, no, null string }

func jsonWords() words   { return words{"true", "false", "null"} }
func pythonWords() words { return words{"True", "False", "None"} }

// literal writes the value as a literal of a language, whose strings are like
// those of JSON. Lines after the first begin with indent.
func (n node) literal(w words, indent string) string {
	deeper := indent + "  "
	switch value := n.value.(type) {
	case yaml.MapSlice:
		var lines []string
		for _, m := range n.members() {
			lines = append(lines, deeper+quote(m.name)+": "+m.literal(w, deeper))
		}
		return block("{", lines, indent, "}")
	case []any:
		var lines []string
		for _, item := range n.items() {
			lines = append(lines, deeper+item.literal(w, deeper))
		}
		return block("[", lines, indent, "]")
	case string:
		return quote(value)
	case bool:
		if value {
			return w.yes
		}
		return w.no
	case nil:
		return w.null
	}
	return n.text()
}

func block(begin string, lines []string, indent, end string) string {
	if len(lines) == 0 {
		return begin + end
	}
	return begin + "\n" + strings.Join(lines, ",\n") + "\n" + indent + end
}

func quote(text string) string {
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		return `""` // only for invalid UTF-8, which no description has
	}
	return string(quoted)
}
