package api

import (
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// NotFound returns the handler of paths that belong to no API: an API without
// routes, which logs its requests as every other does. It needs no Store.
func NotFound(setup Setup) Handler {
	return Server{
		Refuse: func(_ *Request, err error) Response {
			if _, ok := errors.AsType[*Error](err); !ok {
				return Response{Status: http.StatusInternalServerError, Body: jsontext.Value(`{"error":{"code":"internal","message":"Internal error."}}`)}
			}
			return Response{Status: http.StatusNotFound, Body: jsontext.Value(`{"error":{"code":"not_found","message":"There is nothing at this path."}}`)}
		},
		ContentType: "application/json",
		Open:        true,
	}.Handler(setup)
}
