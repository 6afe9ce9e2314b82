package clients_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// read reads a description.
func read(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// Every description does without what a generator does not understand.
func TestDescriptionsKeepTheRules(t *testing.T) {
	t.Parallel()
	for name, file := range descriptions(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, violation := range violations(read(t, text)) {
			t.Errorf("%s: %s", name, violation)
		}
	}
}

// sound is a description that keeps every rule. What stands at "…" may be
// added to it.
const sound = `
openapi: 3.1.0
paths:
  /a:
    post:
      operationId: create
      tags: [things]
      requestBody:
        content:
          application/json:
            schema:
              $ref: "#/components/schemas/Thing"
            example:
              const: {type: "null", oneOf: []}
      responses: {"204": {description: Done.}}
webhooks:
  sent:
    post:
      operationId: receive
      tags: [deliveries]
components:
  schemas:
    Thing:
      type: object
      required: [pattern]
      x-strict:
        oneOf: [{const: 1}, {type: "null"}]
      if: {required: [pattern]}
      else: {required: [format]}
      properties:
        pattern: {type: [string, "null"], pattern: a}
        format: {type: string, format: date-time}
        items: {type: array, items: {}}
        ref:
          description: Something else.
          $ref: "#/components/schemas/Kind"
    Kind: {type: string, enum: [one, two]}
`

func TestRulesFindWhatBreaks(t *testing.T) {
	t.Parallel()
	if found := violations(read(t, []byte(sound))); len(found) > 0 {
		t.Errorf("what is sound has violations: %q", found)
	}
	schema := func(text string) string {
		return strings.Replace(sound, "        ref:\n", "        bad: "+text+"\n        ref:\n", 1)
	}
	for _, c := range []struct{ name, text, want string }{
		{"oneOf", schema(`{oneOf: [{type: string}, {type: integer}]}`), "oneOf"},
		{"null in oneOf", schema(`{oneOf: [{$ref: "#/components/schemas/Kind"}, {type: "null"}]}`), "oneOf"},
		{"anyOf", schema(`{anyOf: [{required: [a]}]}`), "anyOf"},
		{"allOf", schema(`{allOf: [{$ref: "#/components/schemas/Kind"}]}`), "allOf"},
		{"const", schema(`{type: string, const: a}`), "const"},
		{"null alone", schema(`{type: "null"}`), "null alone"},
		{"several types", schema(`{type: [object, array, "null"]}`), "several types"},
		{"no null among types", schema(`{type: [object, string]}`), "several types"},
		{"array without items", schema(`{type: array}`), "items"},
		{"array or null without items", schema(`{type: [array, "null"]}`), "items"},
		{"pattern and format", schema(`{type: string, format: uuid, pattern: a}`), "format"},
		{"pattern without type", schema(`{pattern: a}`), "type: string"},
		{"enum without type", schema(`{enum: [a]}`), "enum"},
		{"null in enum", schema(`{type: [string, "null"], enum: [a, null]}`), "enum"},
		{"properties without type", schema(`{properties: {a: {type: string}}}`), "type: object"},
		{"large integer", schema(`{type: integer, maximum: 9007199254740991}`), "int64"},
		{"$ref and more", schema(`{$ref: "#/components/schemas/Kind", minLength: 1}`), "$ref"},
		{"nested", schema(`{type: object, properties: {a: {type: array, items: {type: array}}}}`), "items"},
		{"in a response", strings.Replace(sound, "{description: Done.}", `{content: {a/b: {schema: {type: "null"}}}}`, 1), "null alone"},
		{"in a parameter", strings.Replace(sound, "      tags: [things]\n", "      tags: [things]\n      parameters: [{name: a, schema: {pattern: a}}]\n", 1), "type: string"},
		{"a boolean in a query", strings.Replace(sound, "      tags: [things]\n", "      tags: [things]\n      parameters: [{name: a, in: query, schema: {type: boolean}}]\n", 1), "boolean"},
		{"several content types", strings.Replace(sound, "{description: Done.}", `{content: {a/b: {schema: {}}, a/c: {schema: {}}}}`, 1), "content types"},
		{"the webhook's tag", strings.Replace(sound, "[deliveries]", "[things]", 1), "tag"},
		{"no tag", strings.Replace(sound, "      tags: [things]\n", "", 1), "tag"},
		{"no operationId", strings.Replace(sound, "      operationId: create\n", "", 1), "operationId"},
		{"an operationId twice", strings.Replace(sound, "operationId: receive", "operationId: create", 1), "operationId"},
		{"a callback", strings.Replace(sound, "      tags: [things]\n", "      tags: [things]\n      callbacks: {a: {}}\n", 1), "callbacks"},
		{"a webhook's own component", sound + "    Own: {type: string}\n" + "x: 1\n", "Own"},
		{"a schema that may be null", sound + "    Maybe: {type: [string, \"null\"]}\n", "null gets lost"},
		{"a schema named Error", sound + "    Error: {type: string}\n", "Error"},
		{"a schema named as a constructor", sound + "    NewThing: {type: string}\n", "NewThing"},
		{"a schema named as a value", sound + "    One: {type: string}\n", "One"},
		{"a parameter named as a schema", sound + "  parameters:\n    Thing: {name: a, in: query}\n", "oapi-codegen"},
		{"a value of two schemas", sound + "    Other: {type: string, enum: [one]}\n", "one"},
	} {
		text := strings.Replace(c.text, "      tags: [deliveries]\n\n", "", 1)
		if c.want == "Own" {
			text = strings.Replace(text, "      tags: [deliveries]\n", "      tags: [deliveries]\n      requestBody: {content: {a/b: {schema: {$ref: \"#/components/schemas/Own\"}}}}\n", 1)
		}
		found := violations(read(t, []byte(text)))
		if !slices.ContainsFunc(found, func(violation string) bool { return strings.Contains(violation, c.want) }) {
			t.Errorf("%s: found %q, want one of %s", c.name, found, c.want)
		}
	}
}
