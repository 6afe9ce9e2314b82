package squake

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/hookline/hookline/pkg/api"
)

// TestKinds: each kind of error has its status, and what is none of this API's
// is an internal error in its shape.
func TestKinds(t *testing.T) {
	want := map[api.Kind]int{
		api.UnknownPath:     404,
		api.WrongMethod:     405,
		api.MissingToken:    401,
		api.InvalidToken:    401,
		api.ExpiredToken:    401,
		api.MissingRight:    401,
		api.ContentType:     415,
		api.TooLarge:        413,
		api.ContentEncoding: 415,
		api.NotJSON:         422,
		api.UnknownID:       404,
	}
	r := &api.Request{ID: "request-1"}
	internal := refuse(r, http.ErrHandlerTimeout)
	for _, kind := range append(api.Kinds(), 0, api.Kind(len(api.Kinds())+1)) {
		got := refuse(r, &api.Error{Kind: kind, Value: "sent"})
		if status, known := want[kind]; !known && !reflect.DeepEqual(got, internal) || known && got.Status != status || got.Body == nil {
			t.Errorf("%v: answer %+v, want status %d, 0 for an internal error", kind, got, status)
		}
	}
	if internal.Status != http.StatusInternalServerError {
		t.Errorf("internal error: answer %+v", internal)
	}
}
