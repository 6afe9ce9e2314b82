package auth_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/webhook"
)

// schemeCase is the lines of a request's header, as a server has parsed them,
// and what a scheme finds in them.
type schemeCase struct {
	name  string
	lines [][2]string
	want  string
	err   error
}

func runSchemeCases(t *testing.T, scheme auth.Scheme, cases []schemeCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for _, line := range tt.lines {
				h.Add(line[0], line[1])
			}
			got, err := scheme(h)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				if got != (webhook.Secret{}) {
					t.Errorf("gave %q with an error", got.Reveal())
				}
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("the error shows what was sent: %q", err)
				}
				return
			}
			if got.Reveal() != tt.want {
				t.Errorf("token %q, want %q", got.Reveal(), tt.want)
			}
		})
	}
}

func TestBearer(t *testing.T) {
	// one is a request with one Authorization header.
	one := func(value string) [][2]string { return [][2]string{{"Authorization", value}} }
	runSchemeCases(t, auth.Bearer, []schemeCase{
		{"plain", one("Bearer canary"), "canary", nil},
		{"every character of a b64token", one("Bearer aZ09-._~+/=="), "aZ09-._~+/==", nil},
		{"lower case", one("bearer canary"), "canary", nil},
		{"upper case", one("BEARER canary"), "canary", nil},
		{"mixed case, header too", [][2]string{{"aUTHORIZATION", "bEaReR canary"}}, "canary", nil},
		{"several spaces", one("Bearer   canary"), "canary", nil},
		{"white space around", one(" \tBearer canary\t "), "canary", nil},
		{"beside another API's header", [][2]string{{"Authorization", "Bearer canary"}, {"Shoptet-Access-Token", "x"}}, "canary", nil},

		{"no header", nil, "", auth.ErrMissing},
		{"another header", [][2]string{{"Proxy-Authorization", "Bearer canary"}}, "", auth.ErrMissing},
		{"empty", one(""), "", auth.ErrMissing},
		{"white space", one(" \t "), "", auth.ErrMissing},
		{"only the word", one("Bearer"), "", auth.ErrMissing},
		{"only the word and spaces", one("Bearer  "), "", auth.ErrMissing},

		{"Basic", one("Basic Y2FuYXJ5OmNhbmFyeQ=="), "", auth.ErrInvalid},
		{"no scheme", one("canary"), "", auth.ErrInvalid},
		{"no space", one("Bearercanary"), "", auth.ErrInvalid},
		{"a tab between", one("Bearer\tcanary"), "", auth.ErrInvalid},
		{"a tab after the space", one("Bearer \tcanary"), "", auth.ErrInvalid},
		{"a no-break space between", one("Bearer\u00a0canary"), "", auth.ErrInvalid},
		{"colon", one("Bearer: canary"), "", auth.ErrInvalid},
		{"quoted", one(`Bearer "canary"`), "", auth.ErrInvalid},
		{"two words", one("Bearer canary canary"), "", auth.ErrInvalid},
		{"the scheme twice", one("Bearer Bearer canary"), "", auth.ErrInvalid},
		{"beyond ASCII", one("Bearer canäry"), "", auth.ErrInvalid},
		{"a NUL", one("Bearer canary\x00"), "", auth.ErrInvalid},
		{"a letter like one of the word", one("Bea\u0280er canary"), "", auth.ErrInvalid},

		{"two headers", [][2]string{{"Authorization", "Bearer canary"}, {"Authorization", "Bearer canary2"}}, "", auth.ErrInvalid},
		{"one header twice", [][2]string{{"Authorization", "Bearer canary"}, {"Authorization", "Bearer canary"}}, "", auth.ErrInvalid},
		{"Bearer beside Basic", [][2]string{{"Authorization", "Basic eA=="}, {"Authorization", "Bearer canary"}}, "", auth.ErrInvalid},
		{"a good one and an empty one", [][2]string{{"Authorization", "Bearer canary"}, {"Authorization", ""}}, "", auth.ErrInvalid},
		{"two empty ones", [][2]string{{"Authorization", ""}, {"Authorization", ""}}, "", auth.ErrInvalid},
		{"two headers joined", one("Bearer canary,Bearer canary2"), "", auth.ErrInvalid},
		{"two headers joined with a space", one("Bearer canary, Bearer canary2"), "", auth.ErrInvalid},
		{"Bearer beside Basic joined", one("Basic eA==,Bearer canary"), "", auth.ErrInvalid},
		{"two tokens joined", one("Bearer canary,canary2"), "", auth.ErrInvalid},
		{"joined with an empty one", one("Bearer canary,"), "", auth.ErrInvalid},
		{"two empty ones joined", one(","), "", auth.ErrInvalid},
	})
}

func TestHeaders(t *testing.T) {
	const addon, private = "Shoptet-Access-Token", "Shoptet-Private-API-Token"
	one := func(value string) [][2]string { return [][2]string{{addon, value}} }
	runSchemeCases(t, auth.Headers(addon, private), []schemeCase{
		{"addon", one("canary"), "canary", nil},
		{"private", [][2]string{{private, "canary"}}, "canary", nil},
		{"another letter case", [][2]string{{"shoptet-private-api-TOKEN", "canary"}}, "canary", nil},
		{"white space around", one(" \tcanary \t"), "canary", nil},
		{"Authorization is not looked at", [][2]string{{addon, "canary"}, {"Authorization", "Bearer x"}}, "canary", nil},

		{"none", nil, "", auth.ErrMissing},
		{"only Authorization", [][2]string{{"Authorization", "Bearer canary"}}, "", auth.ErrMissing},
		{"empty", one(""), "", auth.ErrMissing},
		{"white space", one(" \t "), "", auth.ErrMissing},
		{"private, empty", [][2]string{{private, ""}}, "", auth.ErrMissing},

		{"both", [][2]string{{addon, "canary"}, {private, "canary2"}}, "", auth.ErrInvalid},
		{"both the same", [][2]string{{addon, "canary"}, {private, "canary"}}, "", auth.ErrInvalid},
		{"both, one empty", [][2]string{{addon, "canary"}, {private, ""}}, "", auth.ErrInvalid},
		{"both, the other empty", [][2]string{{addon, ""}, {private, "canary"}}, "", auth.ErrInvalid},
		{"both empty", [][2]string{{addon, ""}, {private, ""}}, "", auth.ErrInvalid},
		{"one twice", [][2]string{{addon, "canary"}, {addon, "canary"}}, "", auth.ErrInvalid},
		{"the other twice", [][2]string{{private, "canary"}, {private, "canary2"}}, "", auth.ErrInvalid},
		{"one twice, joined", one("canary,canary2"), "", auth.ErrInvalid},
		{"one twice, joined with a space", one("canary, canary2"), "", auth.ErrInvalid},
		{"joined with an empty one", one("canary,"), "", auth.ErrInvalid},
		{"with a scheme", one("Bearer canary"), "", auth.ErrInvalid},
		{"a space inside", one("can ary"), "", auth.ErrInvalid},
		{"beyond ASCII", one("canäry"), "", auth.ErrInvalid},
	})
}

// Whatever is sent: either a token that could stand in a header by itself and
// was sent, or one of the two errors and no token.
func FuzzSchemes(f *testing.F) {
	for _, seed := range []string{"", "Bearer", "Bearer x", "bearer  x\t", "Bearer a,Bearer b", "Basic eA==", "x,", "\x00", "Bearer ä"} {
		f.Add(seed, "")
		f.Add(seed, "y")
	}
	headers := auth.Headers("Authorization", "Other")
	f.Fuzz(func(t *testing.T, value, other string) {
		h := http.Header{"Authorization": {value}}
		if other != "" {
			h["Other"] = []string{other}
		}
		for name, scheme := range map[string]auth.Scheme{"Bearer": auth.Bearer, "Headers": headers} {
			got, err := scheme(h)
			token := got.Reveal()
			switch {
			case err == nil && (token == "" || strings.ContainsAny(token, " \t\r\n,\"\x00") || !strings.Contains(value, token)):
				t.Errorf("%s(%q) gave %q", name, value, token)
			case err == nil && name == "Headers" && other != "":
				t.Errorf("Headers(%q, %q) chose one", value, other)
			case err != nil && token != "":
				t.Errorf("%s(%q) gave both %q and %v", name, value, token, err)
			case err != nil && !errors.Is(err, auth.ErrMissing) && !errors.Is(err, auth.ErrInvalid):
				t.Errorf("%s(%q): %v", name, value, err)
			}
		}
	})
}
