package terminal_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/hookline/hookline/pkg/terminal"
)

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		`plain ž 漢 é \n "q"`:         `plain ž 漢 é \n "q"`,
		"a\nb\r\tc":                  `a\nb\r\tc`,
		"\x1b[31m\x00\x7f":           `\u001b[31m\u0000\u007f`,
		"\u009b2J\u0085":             `\u009b2J\u0085`,
		"\u202e\u2066\u200f":         `\u202e\u2066\u200f`,
		"\u200b\u2060\ufeff\u00ad":   `\u200b\u2060\ufeff\u00ad`,
		"\u2028\u2029\u00a0\u3000":   `\u2028\u2029\u00a0\u3000`,
		"\u3164\u115f\uffa0\u034f":   `\u3164\u115f\uffa0\u034f`,
		"\ufe0f\U000e0100\u180b":     `\ufe0f\udb40\udd00\u180b`,
		"\U000e0041\U0010ffff\ue000": `\udb40\udc41\udbff\udfff\ue000`,
		"\xff\xc3ok\xed\xa0\x80":     `\xff\xc3ok\xed\xa0\x80`,
		"\ufffd":                     "\ufffd",
	} {
		if got := terminal.Escape(text); got != want {
			t.Errorf("Escape(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		text  string
		limit int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc… (1 bytes more)"}, {"\x00\x00", 6, `\u0000… (1 bytes more)`}, {"", 0, ""},
		{strings.Repeat("x", 64<<10), 4, "xxxx… (65532 bytes more)"},
	} {
		if got := terminal.Cut(tt.text, tt.limit); got != tt.want {
			t.Errorf("Cut(%.10q, %d) = %q, want %q", tt.text, tt.limit, got, tt.want)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	const deep = 9_000
	for _, tt := range []struct{ value, want string }{
		{`{"a":[1.50,{}],"b\n":"\u001b\\\"","b":[],"a":null}`, "  {\n    \"a\": [\n      1.50,\n      {}\n    ],\n    \"b\\n\": \"\\u001b\\\\\\\"\",\n    \"b\": [],\n    \"a\": null\n  }"},
		{`7`, "  7"},
		{``, ""}, {`{`, ""}, {`1 2`, ""}, {"\"\xff\"", ""},
	} {
		var out strings.Builder
		if ok := terminal.WriteJSON(&out, []byte(tt.value), terminal.Plain(), "cut"); ok != (tt.want != "") || out.String() != tt.want {
			t.Errorf("%q is shown as\n%s, %t; want\n%s", tt.value, out.String(), ok, tt.want)
		}
	}
	var out strings.Builder
	terminal.WriteJSON(&out, []byte(strings.Repeat("[", deep)+"0"+strings.Repeat(",0", 100_000)+strings.Repeat("]", deep)), terminal.Plain(), "cut")
	if !strings.HasSuffix(out.String(), "\n  cut") || out.Len() > terminal.MaxShown+1<<10 {
		t.Errorf("%d bytes are shown, which end with %q", out.Len(), out.String()[out.Len()-10:])
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriterFails(t *testing.T) {
	for _, text := range []string{"plain\n", "\x1b"} {
		if n, err := terminal.NewWriter(full{}).Write([]byte(text)); n != 0 || err == nil {
			t.Errorf("Write(%q) = %d, %v; want the error", text, n, err)
		}
	}
}

// FuzzWriter holds what is written to its promise: nothing but line ends and
// characters that are seen, and JSON that means the same.
func FuzzWriter(f *testing.F) {
	f.Add("a\nb\x1b[31m\u202e\u3164\x00")
	f.Add("\xff\n\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		if n, err := terminal.NewWriter(&out).Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		if strings.Count(out.String(), "\n") != strings.Count(text, "\n") || !seen(strings.ReplaceAll(out.String(), "\n", "")) {
			t.Errorf("%q is written as %q", text, out.String())
		}
		if escaped := terminal.Escape(text); !seen(escaped) {
			t.Errorf("Escape(%q) = %q", text, escaped)
		}
		if !utf8.ValidString(text) {
			return
		}
		line, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		out.Reset()
		if _, err := terminal.NewWriter(&out).Write(line); err != nil {
			t.Fatal(err)
		}
		var got string
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != text || !seen(out.String()) {
			t.Errorf("%s means %q, %v; want %q", out.String(), got, err, text)
		}
	})
}

func seen(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	}) < 0
}
