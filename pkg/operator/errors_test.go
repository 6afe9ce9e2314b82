package operator

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/hookline/hookline/pkg/dialect"
)

// TestKinds: each kind of problem has its status, and what is none of this API's
// is an internal error in its shape.
func TestKinds(t *testing.T) {
	want := map[dialect.Kind]int{
		dialect.UnknownPath:  404,
		dialect.WrongMethod:  405,
		dialect.MissingToken: 401,
		dialect.InvalidToken: 401,
		dialect.ExpiredToken: 401,
		dialect.MissingRight: 403,
		dialect.ContentType:  415,
		dialect.TooLarge:     400,
		dialect.NotJSON:      400,
	}
	r := &dialect.Request{ID: "request-1"}
	internal := refuse(r, http.ErrHandlerTimeout)
	for _, kind := range append(dialect.Kinds(), 0, dialect.Kind(len(dialect.Kinds())+1)) {
		got := refuse(r, &dialect.Error{Kind: kind, Value: "sent"})
		if status, known := want[kind]; !known && !reflect.DeepEqual(got, internal) || known && got.Status != status || got.Body == nil {
			t.Errorf("%v: answer %+v, want status %d, 0 for an internal error", kind, got, status)
		}
	}
	if internal.Status != http.StatusInternalServerError {
		t.Errorf("internal error: answer %+v", internal)
	}
}
