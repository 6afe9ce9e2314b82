package sqs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The form is fixed: messages wait in the queue while functions are replaced.
func TestForm(t *testing.T) {
	m := webhook.Message{
		Account: webhook.Account{API: "squake", ID: "acme"}, ID: strings.Repeat("0a", 22), Event: "order.created",
		Attempt: 2, At: time.UnixMilli(1772366400123).UTC(), PayloadRef: "5f",
	}
	const want = `{"v":1,"account":"squake:acme","id":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","event":"order.created","n":2,"at":1772366400123,"ref":"5f"}`
	for _, of := range []time.Duration{0, time.Millisecond - 1} {
		sent := m
		sent.At = m.At.Add(of)
		if got, err := Encode(sent); err != nil || got != want {
			t.Errorf("Encode = %s, %v; want %s", got, err, want)
		}
	}
	if got, err := Decode(want); err != nil || got != m {
		t.Errorf("Decode = %+v, %v; want %+v", got, err, m)
	}
	m.PayloadRef = ""
	if got, err := Encode(m); err != nil || strings.Contains(got, "ref") {
		t.Errorf("Encode without a payload apart = %s, %v", got, err)
	}
}

const good = `{"v":1,"account":"squake:acme","id":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","event":"e","n":1,"at":5}`

// What a later version adds is ignored.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	more := strings.Replace(good, `"n":1`, `"n":1,"trace":{"deep":[1,2]},"N":7`, 1)
	want, err := Decode(good)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(more); err != nil || got != want {
		t.Errorf("Decode = %+v, %v; want %+v", got, err, want)
	}
}

// Whatever is no message is refused, and not shown.
func TestDecodeRefuses(t *testing.T) {
	with := func(was, now string) string { return strings.Replace(good, was, now, 1) }
	const canary = "hostile-canary"
	for name, body := range map[string]string{
		"nothing":              "",
		"no JSON":              canary,
		"null":                 "null",
		"a list":               `["` + canary + `"]`,
		"two":                  good + good,
		"no fields":            "{}",
		"cut off":              good[:len(good)-1],
		"bad UTF-8":            with(`"e"`, "\""+canary+"\xff\""),
		"a field twice":        with(`"n":1`, `"n":1,"n":2`),
		"no version":           with(`"v":1,`, ``),
		"a later version":      with(`"v":1`, `"v":2`),
		"a version as text":    with(`"v":1`, `"v":"`+canary+`"`),
		"no account":           with(`squake:acme`, ``),
		"an account of no API": with(`squake:acme`, `:`+canary),
		"an account's path":    with(`squake:acme`, `squake:../`+canary),
		"an API's name":        with(`squake:acme`, `Hostile#`+canary+`:acme`),
		"a long API's name":    with(`squake:acme`, strings.Repeat("a", 33)+`:acme`),
		"a short id":           with(`"0a0a`, `"0a`),
		"no hex id":            with(`"0a0a`, `"xyzw`),
		"no event":             with(`"e"`, `""`),
		"a long event":         with(`"e"`, `"`+canary+strings.Repeat("e", maxEvent)+`"`),
		"a control character":  with(`"e"`, `"`+canary+`\u0000"`),
		"attempt 0":            with(`"n":1`, `"n":0`),
		"attempt -1":           with(`"n":1`, `"n":-1`),
		"attempt 1.5":          with(`"n":1`, `"n":1.5`),
		"a huge attempt":       with(`"n":1`, `"n":9223372036854775808`),
		"before 1970":          with(`"at":5`, `"at":-1`),
		"after all time":       with(`"at":5`, `"at":281474976710656`),
		"a long reference":     with(`"at":5`, `"at":5,"ref":"`+canary+strings.Repeat("r", maxRef)+`"`),
		"too long":             with(`"n":1`, `"n":1,"pad":"`+canary+strings.Repeat("p", maxBody)+`"`),
	} {
		got, err := Decode(body)
		if !errors.Is(err, webhook.ErrInvalid) || got != (webhook.Message{}) {
			t.Errorf("%s: Decode = %+v, %v", name, got, err)
			continue
		}
		if strings.Contains(strings.ToLower(err.Error()), canary) || len(err.Error()) > 100 {
			t.Errorf("%s: the error shows the body: %v", name, err)
		}
	}
	if _, err := Decode(good); err != nil {
		t.Errorf("what all of them were made of is refused: %v", err)
	}
}

// Whatever Encode takes, Decode reads back the same; what Encode refuses is
// none that could have come from a delivery.
func FuzzEncode(f *testing.F) {
	f.Add("squake", "acme", strings.Repeat("0a", 22), "order.created", int64(1), int64(1772366400123), "5f")
	f.Add("shoptet", "123", strings.Repeat("F", 44), "Ž<&\u2028", int64(1<<62), int64(webhook.MaxEventTime), "")
	f.Add("a:b", "c", "", "\xff", int64(0), int64(-1), "\x00")
	f.Fuzz(func(t *testing.T, api, account, id, event string, attempt, at int64, ref string) {
		m := webhook.Message{
			Account: webhook.Account{API: webhook.API(api), ID: account}, ID: id, Event: event,
			Attempt: attempt, At: time.UnixMilli(at).UTC(), PayloadRef: ref,
		}
		body, err := Encode(m)
		if err != nil {
			if !errors.Is(err, webhook.ErrInvalid) {
				t.Errorf("Encode = %v", err)
			}
			return
		}
		if got, err := Decode(body); err != nil || got != m {
			t.Errorf("Decode(%s) = %+v, %v; want %+v", body, got, err, m)
		}
	})
}

// Decode never panics; what it takes is a message that Encode gives again, and
// Decode takes as the same one.
func FuzzDecode(f *testing.F) {
	f.Add(good)
	f.Add(strings.Replace(good, `"n":1`, `"n":1,"more":[{}]`, 1))
	f.Add(`{"v":1,"account":"a:b:c"}`)
	f.Fuzz(func(t *testing.T, body string) {
		m, err := Decode(body)
		if err != nil {
			if !errors.Is(err, webhook.ErrInvalid) || len(err.Error()) > 100 {
				t.Errorf("Decode = %v", err)
			}
			return
		}
		again, err := Encode(m)
		if err != nil {
			t.Fatalf("what Decode takes is refused by Encode: %v", err)
		}
		if got, err := Decode(again); err != nil || got != m {
			t.Errorf("Decode(%s) = %+v, %v; want %+v", again, got, err, m)
		}
	})
}
