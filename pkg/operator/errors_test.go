package operator

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api"
)

// TestKinds: each kind of error has its status, and what is none of this API's
// is an internal error in its shape.
func TestKinds(t *testing.T) {
	apitest.CheckKinds(t, refusePublication, map[api.Kind]int{
		api.UnknownPath:     404,
		api.WrongMethod:     405,
		api.MissingToken:    401,
		api.InvalidToken:    401,
		api.ExpiredToken:    401,
		api.MissingRight:    403,
		api.ContentType:     415,
		api.ContentEncoding: 400,
		api.TooLarge:        400,
		api.NotJSON:         400,
	})
	apitest.CheckKinds(t, refuse, map[api.Kind]int{
		api.UnknownPath:     404,
		api.WrongMethod:     405,
		api.MissingToken:    401,
		api.InvalidToken:    401,
		api.ExpiredToken:    401,
		api.MissingRight:    403,
		api.ContentType:     415,
		api.ContentEncoding: 415,
		api.TooLarge:        413,
		api.NotJSON:         400,
	})
}
