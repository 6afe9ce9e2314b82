package apitest

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/goccy/go-yaml"
)

// strictKey is the extension that says more of a value than code generators
// understand: a JSON Schema that the value meets as well. It stands in a schema
// or, beside one, in a media type.
const strictKey = "x-strict"

// contentTypesKey is the extension that lists the content types that a request's
// body may have beside application/json.
const contentTypesKey = "x-content-types"

// strict returns a description, as JSON, in which every schema demands what
// its extension says of it, and every body may have all its content types.
func strict(t *testing.T, text string) []byte {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(narrow(doc))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// narrow moves the extensions of a part of a description into its schemas.
func narrow(part any) any {
	switch part := part.(type) {
	case []any:
		for i, item := range part {
			part[i] = narrow(item)
		}
	case map[string]any:
		for name, member := range part {
			part[name] = narrow(member)
		}
		others, _ := part[contentTypesKey].([]any)
		for _, other := range others {
			content := part["content"].(map[string]any)
			content[other.(string)] = content["application/json"]
		}
		also, found := part[strictKey]
		if !found {
			return part
		}
		delete(part, strictKey)
		if schema, isMediaType := part["schema"]; isMediaType {
			part["schema"] = map[string]any{"allOf": []any{schema, also}}
			return part
		}
		return both(part, also)
	}
	return part
}

// both gives the schema of what meets two, one schema where no keyword is in
// both of them: the validator takes null only by a type that stands beside all.
func both(schema map[string]any, also any) any {
	more, ok := also.(map[string]any)
	if !ok {
		return map[string]any{"allOf": []any{schema, also}}
	}
	merged := maps.Clone(schema)
	for keyword, value := range more {
		if _, twice := schema[keyword]; twice {
			return map[string]any{"allOf": []any{schema, also}}
		}
		merged[keyword] = value
	}
	return merged
}
