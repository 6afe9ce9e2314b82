package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// AddPayloads seeds a fuzz target with JSON that is easily changed on its way,
// and with what is none.
func AddPayloads(f *testing.F) {
	f.Helper()
	for _, payload := range []string{
		"null", "0", "-0.0", "1.50", "1E+400", "12345678901234567890", `""`, `"\/"`, `"/"`, `"\u0041\u00e9"`, `"é€😀"`,
		`"\ud83d\ude00"`, `"\u007f\u0000\u2028"`, "\"\u007f\u2028\u2029\"", `"<&'>"`, `{}`, `[]`, `{"":{"a\/b":[[1,"\\"]]}}`,
		`{"b":1,"a":2}`, "{ \"a\" : 1 }", `{"a":1,"a":2}`, `"\ud800"`, "\"\xff\"", `"`, `{"a":`, "1 2", "", "\ufeff1", "nul", `"\`,
	} {
		f.Add([]byte(payload))
	}
}

// Passed runs a fuzzed payload through CheckEvent and Body, for an event that
// is right otherwise. What is refused must not become a body either; of what is
// accepted it gives the body, and what the field that holds the payload is.
func Passed(t *testing.T, sending webhook.Sending, e webhook.Event, field string) (body, payload []byte) {
	t.Helper()
	if e.Payload == nil {
		e.Payload = []byte{} // nil is no payload
	}
	d := webhook.Delivery{
		Account: e.Account, Event: e.Name, Time: Start, Instance: e.Instance, Payload: e.Payload,
	}
	body, err := sending.Body(d, webhook.Webhook{SendPayload: true})
	if refused := sending.CheckEvent(e); refused != nil {
		if !errors.Is(refused, webhook.ErrInvalid) {
			t.Errorf("refused with %v, want ErrInvalid", refused)
		}
		if err == nil {
			t.Errorf("%q is refused (%v), but becomes %q", e.Payload, refused, body)
		}
		return nil, nil
	}
	if err != nil {
		t.Fatalf("%q is accepted, but is no body: %v", e.Payload, err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return body, members[field]
}

// SameJSON reports whether two texts have the same tokens: names and strings by
// their characters, numbers by their spelling, members in their order.
func SameJSON(a, b []byte) bool {
	left, right := json.NewDecoder(bytes.NewReader(a)), json.NewDecoder(bytes.NewReader(b))
	left.UseNumber()
	right.UseNumber()
	for {
		one, errOne := left.Token()
		other, errOther := right.Token()
		if errOne != nil || errOther != nil {
			return errors.Is(errOne, io.EOF) && errors.Is(errOther, io.EOF)
		}
		if !reflect.DeepEqual(one, other) {
			return false
		}
	}
}
