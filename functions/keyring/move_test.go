package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/cfn"

	"github.com/hookline/hookline/internal/test/memory"
)

// fleet is a stack and the tables that it may be pointed to.
type fleet struct {
	*stack
	tables map[string]keyStore
}

func newFleet(t *testing.T, tables ...string) *fleet {
	f := &fleet{stack: newStack(t), tables: map[string]keyStore{}}
	for _, name := range tables {
		f.tables[name] = memory.Open(t)
	}
	return f
}

// send sends an event as CloudFormation does once the function reads the table
// that the properties name. An empty name or version leaves the property out.
func (f *fleet) send(kind cfn.RequestType, to, version string, old map[string]any) (map[string]any, error) {
	f.handler.store = f.tables[to]
	_, data, err := f.Handle(context.Background(), cfn.Event{
		RequestType: kind, ResourceProperties: properties(to, version), OldResourceProperties: old,
	})
	return data, err
}

func properties(table, version string) map[string]any {
	p := map[string]any{versionProperty: version}
	if table != "" {
		p[tableProperty] = table
	}
	return p
}

// An update to a table without keys is refused, and its roll-back gets back the
// key that there was.
func TestMoveToTableWithoutKeys(t *testing.T) {
	f := newFleet(t, "made", "other")
	first, err := f.send(cfn.RequestCreate, "made", "1", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1", "2"} {
		_, err = f.send(cfn.RequestUpdate, "other", version, properties("made", "1"))
		if err == nil {
			t.Fatalf("version %s: moved to a table without keys", version)
		}
		for _, want := range []string{`"other" holds no sealing key`, `stays on "made"`, "ExistingWebhooksTable"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
	}
	if len(f.kms.made) != 1 {
		t.Errorf("KMS made %v, want one key", f.kms.made)
	}
	back, err := f.send(cfn.RequestUpdate, "made", "1", properties("other", "2"))
	if err != nil || fmt.Sprint(back) != fmt.Sprint(first) {
		t.Errorf("roll-back: %v, %v, want %v", back, err, first)
	}
}

// A table with any key may be moved to: it was restored, perhaps to a time
// before the present version was made.
func TestMoveToRestoredTable(t *testing.T) {
	f := newFleet(t, "made", "restored")
	if _, err := f.send(cfn.RequestCreate, "restored", "1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.send(cfn.RequestCreate, "made", "2", nil); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1", "2", "2"} {
		if _, err := f.send(cfn.RequestUpdate, "restored", version, properties("made", "2")); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
	}
	if got, want := fmt.Sprint(f.kms.made), "[v1 v2 v2]"; got != want {
		t.Errorf("KMS made %s, want %s", got, want)
	}
}

// What is no move makes the first key.
func TestFirstKeyOfTable(t *testing.T) {
	for name, tt := range map[string]struct {
		kind cfn.RequestType
		to   string
		old  map[string]any
	}{
		"new stack on any table":      {cfn.RequestCreate, "t", nil},
		"same table":                  {cfn.RequestUpdate, "t", properties("t", "1")},
		"former properties missing":   {cfn.RequestUpdate, "t", nil},
		"former table not told":       {cfn.RequestUpdate, "t", properties("", "1")},
		"present table not told":      {cfn.RequestUpdate, "", properties("t", "1")},
		"former table is not a name":  {cfn.RequestUpdate, "t", map[string]any{tableProperty: 7}},
		"creation with old, sent odd": {cfn.RequestCreate, "t", properties("other", "1")},
	} {
		f := newFleet(t, "t", "")
		if data, err := f.send(tt.kind, tt.to, "1", tt.old); err != nil || data["KeyId"] != "v1" {
			t.Errorf("%s: %v, %v, want v1", name, data, err)
		}
	}
}
