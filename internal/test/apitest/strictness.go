package apitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// checkStrictness spoils an exchange of every answer described, in every way
// that a careless change to the API could, and demands that the description
// refuses it.
func checkStrictness(t *testing.T, c *contract, exchanges []*recorded, d Description) {
	t.Helper()
	tried := map[string]bool{}
	spoiled := 0
	for _, e := range exchanges {
		body := e.decode(t)
		ref := c.route(e.request).Operation.Responses.Status(e.status)
		if ref == nil {
			continue // checkExchanges says so
		}
		shape := common(ref, c.key(e)) + " " + shapeOf(body)
		if tried[shape] {
			continue // one stands for all of the same members
		}
		tried[shape] = true
		for _, s := range append(spoilHead(e), spoilBody(t, e, body, d)...) {
			spoiled++
			if c.checkResponse(s) == nil {
				t.Errorf("%s: taken as described, though %s", e.name, s.name)
			}
		}
	}
	if spoiled < len(tried)*3 {
		t.Errorf("only %d answers were spoiled", spoiled)
	}
}

// decode gives the answer's JSON, nil if there is none.
func (e *recorded) decode(t *testing.T) any {
	t.Helper()
	if len(e.response) == 0 {
		return nil
	}
	var body any
	if err := json.Unmarshal(e.response, &body); err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	return body
}

// shapeOf tells JSON by its members, an array by its first item.
func shapeOf(value any) string {
	switch value := value.(type) {
	case map[string]any:
		shape := "{"
		for _, name := range slices.Sorted(maps.Keys(value)) {
			shape += name + ":" + shapeOf(value[name]) + ","
		}
		return shape + "}"
	case []any:
		if len(value) > 0 {
			return "[" + shapeOf(value[0]) + "]"
		}
	}
	return "value"
}

// optional reports whether the member at a place may be absent.
func (d Description) optional(at string) bool {
	return slices.ContainsFunc(d.Optional, func(o string) bool { return strings.HasSuffix(at, "."+o) })
}

// spoilHead gives the answer with each header missing, one too many, another
// content type, or another status.
func spoilHead(e *recorded) []*recorded {
	var all []*recorded
	add := func(name string, status int, header []headerLine) {
		s := *e
		s.name, s.status, s.header = name, status, header
		all = append(all, &s)
	}
	add("the status is not described", 299, e.header)
	add("it has a header more", e.status, append(slices.Clone(e.header), headerLine{"X-Extra", "1"}))
	for i, h := range e.header {
		add("it lacks "+h.name, e.status, slices.Delete(slices.Clone(e.header), i, i+1))
		changed := slices.Clone(e.header)
		changed[i].value = ""
		add(h.name+" is empty", e.status, changed)
	}
	return all
}

// spoilBody gives the answer with each member missing, each value of another
// type, or a member too many.
func spoilBody(t *testing.T, e *recorded, body any, d Description) []*recorded {
	t.Helper()
	var all []*recorded
	if len(e.response) == 0 {
		return all
	}
	keep := func(name string, body any) {
		s := *e
		s.name = name
		var err error
		if s.response, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
		all = append(all, &s)
	}
	keep("it is of another type", otherType(body))
	spoil("body", body, d, func(name string, changed any) { keep(name, changed) })
	return all
}

// spoil calls keep with every spoiled form of a value, at any depth.
func spoil(at string, value any, d Description, keep func(name string, changed any)) {
	switch value := value.(type) {
	case map[string]any:
		with := func(name string, member any) map[string]any {
			changed := maps.Clone(value)
			changed[name] = member
			return changed
		}
		keep(at+" has a member more", with("extra", 1))
		for name, member := range value {
			if !d.optional(at + "." + name) {
				changed := maps.Clone(value)
				delete(changed, name)
				keep(at+"."+name+" is missing", changed)
			}
			if slices.Contains(d.Open, name) {
				continue
			}
			keep(at+"."+name+" is of another type", with(name, otherType(member)))
			spoil(at+"."+name, member, d, func(what string, changed any) { keep(what, with(name, changed)) })
		}
	case []any:
		for i, item := range value[:min(len(value), 1)] {
			with := func(item any) []any {
				changed := slices.Clone(value)
				changed[i] = item
				return changed
			}
			keep(fmt.Sprintf("%s[%d] is of another type", at, i), with(otherType(item)))
			spoil(fmt.Sprintf("%s[%d]", at, i), item, d, func(what string, changed any) { keep(what, with(changed)) })
		}
	}
}

// otherType is a value that no schema takes in place of another.
func otherType(value any) any {
	switch value.(type) {
	case string:
		return 7
	case map[string]any:
		return "text"
	}
	return map[string]any{}
}
