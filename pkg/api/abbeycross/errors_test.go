package abbeycross

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api"
)

// TestKinds: each kind of error has its status, and what is none of this API's
// is an internal error in its shape.
func TestKinds(t *testing.T) {
	apitest.CheckKinds(t, refuse, map[api.Kind]int{
		api.UnknownPath:     404,
		api.WrongMethod:     405,
		api.MissingToken:    401,
		api.InvalidToken:    401,
		api.ExpiredToken:    401,
		api.MissingRight:    401,
		api.ContentType:     400,
		api.ContentEncoding: 400,
		api.TooLarge:        400,
		api.NotJSON:         400,
		api.UnknownID:       404,
		api.Closed:          503,
	})
}

// What comes back of a value is bounded, whatever its kind.
func TestShown(t *testing.T) {
	long := strings.Repeat("1", maxOtherValue+1)
	for _, tt := range []struct{ value, want string }{
		{long[1:], long[1:]},
		{long, ""},
		{"[" + long + "]", ""},
		{`{"a":1}`, `{"a":1}`},
		{"true", "true"},
		{`"` + strings.Repeat("ž", maxTextValue+1) + `"`, `"` + strings.Repeat("ž", maxTextValue) + `"`},
	} {
		if got := string(shown(jsontext.Value(tt.value))); got != tt.want {
			t.Errorf("shown(%.20s…) = %.20s…, want %.20s…", tt.value, got, tt.want)
		}
	}
}
