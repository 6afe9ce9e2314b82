package clients_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// violations lists what generators do not understand in a description.
func violations(doc map[string]any) []string {
	c := &checker{operations: map[string]bool{}}
	c.walk("", doc)
	c.operationsOf(doc)
	c.names(member(doc, "components", "schemas"))
	for name := range member(doc, "components", "parameters") {
		if member(doc, "components", "schemas", name) != nil {
			c.add(name, "a parameter and a schema: one type in oapi-codegen")
		}
	}
	c.webhookComponents(doc)
	return c.found
}

// checker collects what is wrong with a description.
type checker struct {
	found []string
	// operations are the operations' ids.
	operations map[string]bool
}

func (c *checker) add(at, format string, arguments ...any) {
	c.found = append(c.found, at+": "+fmt.Sprintf(format, arguments...))
}

// member goes down into maps, to nil where there is no such member.
func member(part any, names ...string) map[string]any {
	for _, name := range names {
		object, _ := part.(map[string]any)
		part = object[name]
	}
	object, _ := part.(map[string]any)
	return object
}

// walk looks for schemas: they are under "schema" and "schemas".
func (c *checker) walk(at string, part any) {
	switch part := part.(type) {
	case []any:
		for i, item := range part {
			c.walk(fmt.Sprintf("%s[%d]", at, i), item)
		}
	case map[string]any:
		if part["in"] == "query" && member(part, "schema")["type"] == "boolean" {
			c.add(at, "a boolean in a query is 1 or 0 in PHP; use an enum of strings")
		}
		for _, name := range slices.Sorted(maps.Keys(part)) {
			at := at + "/" + name
			switch {
			case name == "schema":
				c.schema(at, part[name])
			case name == "schemas":
				for own := range member(part, name) {
					c.schema(at+"/"+own, member(part, name)[own])
				}
			case name == "callbacks":
				c.add(at, "callbacks are made operations of the API; use webhooks")
			case name == "content" && len(member(part, name)) > 1:
				c.add(at, "several content types: openapi-python-client makes what does not run")
			case strings.HasPrefix(name, "x-") || name == "example" || name == "examples":
			default:
				c.walk(at, part[name])
			}
		}
	}
}

// schema checks a schema and those in it.
func (c *checker) schema(at string, value any) {
	s, _ := value.(map[string]any)
	for keyword := range s {
		switch keyword {
		case "oneOf", "anyOf", "allOf", "not", "const", "patternProperties", "prefixItems":
			c.add(at, "%s is not understood by all; what validators shall know belongs into x-strict", keyword)
		case "properties":
			for name := range member(s, keyword) {
				c.schema(at+"/"+name, member(s, keyword)[name])
			}
		case "items", "additionalProperties":
			c.schema(at+"/"+keyword, s[keyword])
		}
	}
	c.typeOf(at, s)
	if _, found := s["$ref"]; found {
		for keyword := range s {
			if keyword != "$ref" && keyword != "description" {
				c.add(at, "$ref stands with %s, which is ignored", keyword)
			}
		}
	}
	if maximum, ok := number(s["maximum"]); ok && maximum > math.MaxInt32 && s["format"] != "int64" {
		c.add(at, "an integer above 2^31 needs format: int64")
	}
}

// typeOf checks a schema's type and what depends on it.
func (c *checker) typeOf(at string, s map[string]any) {
	kind := s["type"]
	if kind == "null" {
		c.add(at, "null alone is no type")
	}
	if list, ok := kind.([]any); ok {
		others := slices.DeleteFunc(slices.Clone(list), func(name any) bool { return name == "null" })
		if len(list) != 2 || len(others) != 1 {
			c.add(at, "several types; one, or one and null, is understood")
			return
		}
		kind = others[0]
	}
	for keyword, want := range map[string]string{"pattern": "string", "properties": "object"} {
		if _, found := s[keyword]; found && kind != want {
			c.add(at, "%s needs type: %s", keyword, want)
		}
	}
	if _, found := s["items"]; kind == "array" && !found {
		c.add(at, "an array needs items")
	}
	if s["pattern"] != nil && s["format"] != nil {
		c.add(at, "a value with a format is parsed, so that its pattern cannot be matched")
	}
	values, found := s["enum"].([]any)
	if found && (kind == nil || slices.Contains(values, nil)) {
		c.add(at, "an enum needs a type, and null in it becomes a name")
	}
}

// number reads a number as the YAML library gives it.
func number(value any) (float64, bool) {
	switch value := value.(type) {
	case uint64:
		return float64(value), true
	case int64:
		return float64(value), true
	case float64:
		return value, true
	}
	return 0, false
}

// operationsOf demands of each operation an id of its own and one tag, and that
// webhooks have tags of their own: their code would overwrite the API's.
func (c *checker) operationsOf(doc map[string]any) {
	tags := map[string]map[any]bool{}
	for _, part := range []string{"paths", "webhooks"} {
		tags[part] = map[any]bool{}
		for path := range member(doc, part) {
			for method, value := range member(doc, part, path) {
				operation, ok := value.(map[string]any)
				if !ok {
					continue // the path's parameters
				}
				at := path + " " + method
				id, _ := operation["operationId"].(string)
				if id == "" || c.operations[id] {
					c.add(at, "it has no operationId, or that of another: %q", id)
				}
				c.operations[id] = true
				list, _ := operation["tags"].([]any)
				if len(list) != 1 {
					c.add(at, "it needs one tag: the class that its method is in")
					continue
				}
				tags[part][list[0]] = true
			}
		}
	}
	for tag := range tags["webhooks"] {
		if tags["paths"][tag] {
			c.add("webhooks", "the tag %s is one of the API's operations too", tag)
		}
	}
}

// names checks what the schemas are called: generators make types of these
// names, constructors of "New" and these names, and constants of enums' values.
func (c *checker) names(schemas map[string]any) {
	values := map[any]string{}
	for name := range schemas {
		if name == "Error" || name == "Object" || name == "Exception" {
			c.add(name, "%s is a type of the language in TypeScript, Java or PHP", name)
		}
		if types, _ := member(schemas[name])["type"].([]any); types != nil {
			c.add(name, "null gets lost where a schema with a name may be null")
		}
		if _, found := schemas[strings.TrimPrefix(name, "New")]; found && strings.HasPrefix(name, "New") {
			c.add(name, "%s is the constructor of another schema in Go", name)
		}
		for _, value := range enumOf(schemas[name]) {
			if other, twice := values[value]; twice {
				c.add(name, "%v is a value of %s too: one constant in Go", value, other)
			}
			values[value] = name
		}
	}
	c.constants("", schemas, schemas)
}

// constants looks in all enums, also those without a name, for a value that is
// also the name of a schema: oapi-codegen gives both the same name.
func (c *checker) constants(at string, part any, schemas map[string]any) {
	object, _ := part.(map[string]any)
	for name, value := range object {
		if !strings.HasPrefix(name, "x-") {
			c.constants(at+"/"+name, value, schemas)
		}
	}
	for _, value := range enumOf(part) {
		text := fmt.Sprint(value)
		if name := strings.ToUpper(text[:1]) + text[1:]; schemas[name] != nil {
			c.add(at, "the value %s is named as the schema %s", text, name)
		}
	}
}

func enumOf(schema any) []any {
	object, _ := schema.(map[string]any)
	values, _ := object["enum"].([]any)
	return values
}

// webhookComponents demands that paths use every component that webhooks use:
// oapi-codegen drops the others, and what is made of the webhook does not
// compile.
func (c *checker) webhookComponents(doc map[string]any) {
	used := map[string]bool{}
	follow(doc, doc["paths"], used)
	all := map[string]bool{}
	follow(doc, doc["webhooks"], all)
	for ref := range all {
		if !used[ref] {
			c.add("webhooks", "no path uses %s", ref)
		}
	}
}

// follow collects the references in a part and in what they refer to.
func follow(doc map[string]any, part any, seen map[string]bool) {
	switch part := part.(type) {
	case []any:
		for _, item := range part {
			follow(doc, item, seen)
		}
	case map[string]any:
		for name, value := range part {
			if ref, ok := value.(string); ok && name == "$ref" && !seen[ref] {
				seen[ref] = true
				follow(doc, any(member(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)), seen)
			}
			if !strings.HasPrefix(name, "x-") {
				follow(doc, value, seen)
			}
		}
	}
}
