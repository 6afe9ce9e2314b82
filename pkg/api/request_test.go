package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hookline/hookline/pkg/api"
)

// A UUID is the same in any case (RFC 9562, section 4); whatever is none is
// left as it was sent.
func TestUUID(t *testing.T) {
	const id = "019bc134-78bb-707c-bb01-e9fa49a31e4c"
	for sent, want := range map[string]string{
		id:                                       id,
		"019BC134-78BB-707C-BB01-E9FA49A31E4C":   id,
		"019bc134-78BB-707c-bb01-E9fa49a31e4c":   id,
		"019BC13478BB707CBB01E9FA49A31E4C":       "019BC13478BB707CBB01E9FA49A31E4C",
		"{019BC134-78BB-707C-BB01-E9FA49A31E4C}": "{019BC134-78BB-707C-BB01-E9FA49A31E4C}",
		"019BC134-78BB-707C-BB01-E9FA49A31E4G":   "019BC134-78BB-707C-BB01-E9FA49A31E4G",
		"ABC":                                    "ABC",
		"":                                       "",
	} {
		r := api.Request{Request: httptest.NewRequest(http.MethodGet, "/", nil)}
		r.SetPathValue("id", sent)
		if got := r.UUID("id"); got != want {
			t.Errorf("UUID of %q = %q, want %q", sent, got, want)
		}
	}
}
