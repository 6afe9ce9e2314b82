package receiver_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/receiver"
)

var update = flag.Bool("update", false, "write the golden output anew")

// noon is the clock of the golden output.
var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// arrived is a delivery as a Receiver makes it.
func arrived(t testing.TB, header http.Header, text string, keyTexts ...string) receiver.Delivery {
	t.Helper()
	header = header.Clone()
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "Hookline")
	header.Set("Accept-Encoding", "gzip")
	return receiver.Delivery{
		At:       noon,
		Method:   http.MethodPost,
		Path:     "/in?from=hookline",
		Header:   header,
		Body:     []byte(text),
		Checks:   receiver.Verify(noon, keys(t, keyTexts...), header, []byte(text)),
		Unkeyed:  len(keyTexts) == 0,
		Seen:     1,
		Response: receiver.Response{Status: http.StatusOK},
	}
}

// deliveries are one of each API and what can go wrong.
func deliveries(t testing.TB) []receiver.Delivery {
	t.Helper()
	squake := `{"data":{"id":7,"amounts":[1.50,1e3,-0],"empty":{},"none":[],"open":true,"note":null}}`
	signed := with(standard(t, noon.Add(-2*time.Second), []byte(squake), squakeKey), "Squake-Signature", hexHMAC(sha256.New, squakeKey, []byte(squake)))
	signed.Set("Squake-Timestamp", "2026-01-15T11:59:58Z")
	shoptet := `{"eshopId":315185,"event":"order:create","eventCreated":"2026-01-15T11:59:00+0000","eventInstance":"2026\/1 \u017elu\u0165"}`
	abbeycross := `{"type":"trip.ended","timestamp":"2026-01-15T11:59:00Z","data":{"text":"a\"b\\c\nd\u001b[31m\u202e"}}`
	again := arrived(t, standard(t, noon, []byte(abbeycross), otherKey, abbeycrossKey), abbeycross, otherKey)
	again.Seen = 3
	again.Response = receiver.Response{Status: http.StatusServiceUnavailable, RetryAfter: time.Minute, Delay: 2 * time.Second}
	tooLarge := arrived(t, http.Header{}, "")
	tooLarge.Body, tooLarge.TooLarge, tooLarge.Checks, tooLarge.Unkeyed = nil, true, nil, false
	tooLarge.Response.Status = http.StatusRequestEntityTooLarge
	milliseconds := arrived(t, standard(t, time.Unix(noon.Add(-time.Second).UnixMilli(), 0), []byte(abbeycross), abbeycrossKey), abbeycross, abbeycrossKey)
	passed := arrived(t, signed, squake, squakeKey)
	passed.Response.Forwarded = &receiver.Forwarded{URL: "http://localhost:3000/hooks", Duration: 12 * time.Millisecond}
	unanswered := passed
	unanswered.Response.Status = http.StatusBadGateway
	unanswered.Response.Forwarded = &receiver.Forwarded{URL: "http://localhost:3000/hooks", Error: errors.New("connection refused\x1b[31m")}
	foreign := arrived(t, signed, squake, otherKey)
	foreign.Response.Status, foreign.Response.Unverified = http.StatusUnauthorized, true
	hostile := arrived(t, http.Header{"Webhook-Id": {"\x9b31m\u202eid"}, "Shoptet-\x9b": {"a\tb"}}, "line\r\nnext\x1b]0;title\a\tend\xff")
	hostile.Path = "/\u009b2J\x7f"
	return []receiver.Delivery{
		arrived(t, signed, squake, otherKey, squakeKey),
		arrived(t, http.Header{"Shoptet-Webhook-Signature": {hexHMAC(sha1.New, shoptetKey, []byte(shoptet))}}, shoptet, shoptetKey),
		again,
		arrived(t, standard(t, noon.Add(time.Hour), []byte(abbeycross), abbeycrossKey), abbeycross, abbeycrossKey),
		arrived(t, signed, squake),
		arrived(t, http.Header{}, "", squakeKey),
		tooLarge,
		milliseconds,
		passed, unanswered, foreign,
		hostile,
	}
}

func TestGolden(t *testing.T) {
	for name, show := range map[string]func(*bytes.Buffer) func(receiver.Delivery) error{
		"plain.txt":    func(b *bytes.Buffer) func(receiver.Delivery) error { return receiver.Text(b, false) },
		"coloured.txt": func(b *bytes.Buffer) func(receiver.Delivery) error { return receiver.Text(b, true) },
		"lines.jsonl":  func(b *bytes.Buffer) func(receiver.Delivery) error { return receiver.JSON(b) },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, d := range deliveries(t) {
				if err := show(&out)(d); err != nil {
					t.Fatal(err)
				}
			}
			if found := obeyed(out.String()); found != "" {
				t.Errorf("the output holds %q", found)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// NO_COLOR is for the program to check: the flag alone decides here.
func TestColoursAreAskedFor(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	var out bytes.Buffer
	if err := receiver.Text(&out, true)(arrived(t, http.Header{}, "{}")); err != nil || !strings.Contains(out.String(), "\x1b[") {
		t.Errorf("%v, %q: want colours", err, out.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestShowFails(t *testing.T) {
	for _, show := range []func(receiver.Delivery) error{receiver.Text(full{}, false), receiver.JSON(full{})} {
		if err := show(arrived(t, http.Header{}, "{}")); err == nil || err.Error() != "write a delivery: no space left" {
			t.Errorf("%v, want that there is no space left", err)
		}
	}
}

// A small body must not become a large output.
func TestDeepAndWideBodies(t *testing.T) {
	half := receiver.MaxBody / 2
	for name, text := range map[string]string{
		"deep":        strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999),
		"too deep":    strings.Repeat("[", half) + strings.Repeat("]", half),
		"wide":        "[" + strings.Repeat("0,", half-1) + "0]",
		"deep, wide":  strings.Repeat("[", 9_000) + "0" + strings.Repeat(",0", 200_000) + strings.Repeat("]", 9_000),
		"many lines":  strings.Repeat("\n", receiver.MaxBody),
		"one escape":  strings.Repeat("\x00", receiver.MaxBody),
		"long string": `"` + strings.Repeat("\u200b", receiver.MaxBody/3-1) + `"`,
	} {
		d := arrived(t, http.Header{}, text)
		var shown, line bytes.Buffer
		if err := receiver.Text(&shown, true)(d); err != nil {
			t.Fatal(err)
		}
		if shown.Len() > 2*receiver.MaxBody+1<<16 {
			t.Errorf("%s: %d bytes become %d", name, len(text), shown.Len())
		}
		if err := receiver.JSON(&line)(d); err != nil || !jsontext.Value(line.Bytes()).IsValid() {
			t.Errorf("%s: %v, or its line is no JSON", name, err)
		}
	}
}

var colourCode = regexp.MustCompile("\x1b\\[[0-9;]+m")

// obeyed finds what a terminal would obey, or hide, in an output for it.
func obeyed(output string) string {
	if !utf8.ValidString(output) {
		return "no UTF-8"
	}
	for _, r := range strings.ReplaceAll(colourCode.ReplaceAllString(output, ""), "\n", "") {
		if !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return string(r)
		}
	}
	return ""
}

// FuzzShow holds the output to what it promises, whatever comes: it moves no
// terminal, and the line of JSON tells the body exactly.
func FuzzShow(f *testing.F) {
	for _, d := range deliveries(f) {
		f.Add(d.Path, d.Header.Get("webhook-id"), d.Body)
	}
	f.Add("/", "\x1b[31;1m", []byte(`{"a":1,"a":2}`))
	f.Add("/", "", []byte("\ufeff{}"))
	f.Add("/", "", []byte(`{"event":"\u001b[31m","eshopId":1e400,"type":"\ud800"}`))
	f.Add("/", "", []byte("\"\u3164\ufe0f\U000e0100\u0085\u2028\U000e0001\U000f0000\""))
	f.Fuzz(func(t *testing.T, target, id string, text []byte) {
		d := arrived(t, http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {id}}, string(text))
		d.Path = target
		var plain, coloured, line bytes.Buffer
		for _, show := range []func(receiver.Delivery) error{receiver.Text(&plain, false), receiver.Text(&coloured, true), receiver.JSON(&line)} {
			if err := show(d); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(plain.String(), "\x1b") || colourCode.ReplaceAllString(coloured.String(), "") != plain.String() {
			t.Errorf("colours are more than colours: %q, %q", plain.String(), coloured.String())
		}
		for _, output := range []string{plain.String(), coloured.String(), line.String()} {
			if found := obeyed(output); found != "" {
				t.Errorf("%q holds %q", output, found)
			}
		}
		tells(t, line.Bytes(), text)
	})
}

// tells demands that a line of JSON tells a body exactly.
func tells(t *testing.T, line, body []byte) {
	t.Helper()
	if bytes.Count(line, []byte("\n")) != 1 {
		t.Fatalf("not one line: %q", line)
	}
	var got struct {
		Body       jsontext.Value `json:"body"`
		BodyBase64 []byte         `json:"body_base64"`
	}
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	want := jsontext.Value(bytes.Clone(body))
	switch {
	case want.IsValid() && want.Canonicalize() == nil:
		if err := got.Body.Canonicalize(); err != nil || !bytes.Equal(got.Body, want) {
			t.Errorf("body %s, %v, want %s", got.Body, err, want)
		}
	case utf8.Valid(body):
		var told string
		if err := json.Unmarshal(got.Body, &told); err != nil || told != string(body) {
			t.Errorf("body %q, %v, want %q", told, err, body)
		}
	case !bytes.Equal(got.BodyBase64, body):
		t.Errorf("body_base64 %q, want %q", got.BodyBase64, body)
	}
}
