// Package needed tests that constructors find what is missing at once.
package needed

import (
	"reflect"
	"slices"
	"testing"
)

// Fields fails t unless construct takes cfg, a complete struct, and panics when
// any one field of it is zero, except those that are optional.
func Fields[C any](t *testing.T, cfg C, construct func(C), optional ...string) {
	t.Helper()
	if text := panics(func() { construct(cfg) }); text != nil {
		t.Fatalf("complete: %v", text)
	}
	fields := reflect.TypeFor[C]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		incomplete := cfg
		reflect.ValueOf(&incomplete).Elem().Field(i).SetZero()
		text := panics(func() { construct(incomplete) })
		if wanted := !slices.Contains(optional, name); (text != nil) != wanted {
			t.Errorf("without %s: panic %v, want one: %t", name, text, wanted)
		} else if _, ok := text.(string); wanted && !ok {
			t.Errorf("without %s: panic %v, want a text", name, text)
		}
	}
}

// panics gives what do panics with, nil if it does not.
func panics(do func()) (text any) {
	defer func() { text = recover() }()
	do()
	return nil
}
