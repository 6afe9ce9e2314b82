package reference

import (
	"html/template"
	"slices"
	"strings"
)

// maxDepth bounds how deep fields are shown within fields.
const maxDepth = 6

// Field is a parameter, a header or a member of a body.
type Field struct {
	Name, Type  string
	In          string // of a parameter: path, query or header
	Required    bool
	Description template.HTML
	// Rules are what else holds, such as a maximum length.
	Rules  []string
	Values []string // of an enumeration
	Fields []Field
}

// Many reports whether there are more values than a glance takes in.
func (f Field) Many() bool { return len(f.Values) > 15 }

// fields returns the members of an object, or of an array's objects.
func fields(schema node, depth int) []Field {
	if items := schema.get("items"); items.exists() {
		return fields(items, depth)
	}
	if depth == maxDepth {
		return nil
	}
	required := schema.get("required").texts()
	var list []Field
	for _, m := range schema.get("properties").members() {
		f := newField(m.name, m.node, depth)
		f.Required = slices.Contains(required, m.name)
		list = append(list, f)
	}
	return list
}

func newField(name string, schema node, depth int) Field {
	return Field{
		Name: name, Type: typeOf(schema), Description: markdown(schema.get("description").text()),
		Rules: rules(schema), Values: values(schema), Fields: fields(schema, depth+1),
	}
}

// parameter returns one of an operation, or a header of a response.
func parameter(name string, p node) Field {
	f := newField(name, p.get("schema"), 0)
	f.In, f.Required = p.get("in").text(), p.get("required").isTrue()
	if text := p.get("description").text(); text != "" {
		f.Description = markdown(text)
	}
	return f
}

// typeOf names a type: "string or null", "array of object".
func typeOf(schema node) string {
	names := schema.get("type").texts()
	for i, name := range names {
		if items := schema.get("items"); name == "array" && items.exists() {
			if of := typeOf(items); of != "any" {
				names[i] = "array of " + of
			}
		}
	}
	if len(names) == 0 {
		return "any"
	}
	return strings.Join(names, " or ")
}

func values(schema node) []string {
	if items := schema.get("items"); items.exists() && !items.get("properties").exists() {
		return values(items)
	}
	return schema.get("enum").texts()
}

// rules are a schema's limits in words.
func rules(schema node) []string {
	var list []string
	for _, rule := range []struct{ keyword, text string }{
		{"minLength", "length ≥ #"}, {"maxLength", "length ≤ #"}, {"minimum", "≥ #"}, {"maximum", "≤ #"},
		{"minItems", "items ≥ #"}, {"maxItems", "items ≤ #"},
		{"default", "default #"}, {"format", "#"}, {"pattern", "matches #"},
	} {
		if value := schema.get(rule.keyword).text(); value != "" {
			list = append(list, strings.Replace(rule.text, "#", value, 1))
		}
	}
	return list
}
