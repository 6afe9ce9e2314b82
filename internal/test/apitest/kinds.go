package apitest

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/hookline/hookline/pkg/api"
)

// CheckKinds holds what refuses requests to a status for each kind of error; what
// is none of the API's is an internal error in its shape.
func CheckKinds(t *testing.T, refuse func(*api.Request, error) api.Response, want map[api.Kind]int) {
	t.Helper()
	r := &api.Request{ID: "request-1"}
	internal := refuse(r, http.ErrHandlerTimeout)
	for _, kind := range append(api.Kinds(), 0, api.Kind(len(api.Kinds())+1)) {
		got := refuse(r, &api.Error{Kind: kind, Value: "sent"})
		if status, known := want[kind]; !known && !reflect.DeepEqual(got, internal) || known && got.Status != status || got.Body == nil {
			t.Errorf("%v: response %+v, want status %d, 0 for an internal error", kind, got, status)
		}
	}
	if internal.Status != http.StatusInternalServerError {
		t.Errorf("internal error: response %+v", internal)
	}
}
