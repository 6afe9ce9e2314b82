package operator

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// errorResponse is the body of every error.
type errorResponse struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// Field is the field, parameter or part of the path that is wrong.
	Field string `json:"field,omitempty"`
	// RequestID is the id of an internal error in the log.
	RequestID string `json:"request_id,omitempty"`
}

// The codes that several errors share.
const (
	invalidRequest = "invalid_request"
	notFound       = "not_found"
	conflict       = "conflict"
)

// Error is what is wrong with a request.
type Error struct {
	status               int
	code, field, message string
}

func (e *Error) Error() string { return e.message }

// invalid returns the error of a field, parameter or part of the path, or of
// the request as a whole if field is empty.
func invalid(field, format string, args ...any) *Error {
	return &Error{http.StatusBadRequest, invalidRequest, field, fmt.Sprintf(format, args...)}
}

// unknown turns [webhook.ErrNotFound] into the error that there is no such
// thing. It returns other errors unchanged.
func unknown(thing string, err error) error {
	if errors.Is(err, webhook.ErrNotFound) {
		return &Error{http.StatusNotFound, notFound, "", "There is no such " + thing + "."}
	}
	return err
}

// refuse returns the response to an error in the API's shape.
func refuse(r *api.Request, err error) api.Response {
	if wrong, ok := errors.AsType[*Error](err); ok {
		return api.Response{Status: wrong.status, Body: errorResponse{errorBody{Code: wrong.code, Message: wrong.message, Field: wrong.field}}}
	}
	if reqErr, ok := errors.AsType[*api.Error](err); ok {
		return refuseRequest(r, reqErr)
	}
	return internalError(r)
}

func internalError(r *api.Request) api.Response {
	return api.Response{Status: http.StatusInternalServerError, Body: errorResponse{errorBody{
		Code: "internal", Message: "Internal error. The log has it under request_id.", RequestID: r.ID,
	}}}
}

// refuseRequest gives the answer to each kind of error.
func refuseRequest(r *api.Request, reqErr *api.Error) api.Response {
	switch reqErr.Kind {
	case api.UnknownPath:
		return failure(http.StatusNotFound, notFound, "There is nothing at this path.")
	case api.WrongMethod:
		return failure(http.StatusMethodNotAllowed, "method_not_allowed", "Allow lists the methods of this path.")
	case api.MissingToken, api.InvalidToken, api.ExpiredToken:
		return unauthorized()
	case api.MissingRight:
		return failure(http.StatusForbidden, "forbidden", "The token has no right to this.")
	case api.ContentType:
		return failure(http.StatusUnsupportedMediaType, "unsupported_media_type", "The Content-Type must be application/json.")
	case api.ContentEncoding:
		return failure(http.StatusUnsupportedMediaType, "unsupported_media_type", "The Content-Encoding must be identity.")
	case api.TooLarge:
		return failure(http.StatusRequestEntityTooLarge, "too_large", "The body must have 256 KiB at most.")
	case api.NotJSON:
		return failure(http.StatusBadRequest, invalidRequest, "The body "+reqErr.Value+".")
	case api.Closed, api.UnknownID: // this API is always open, and has its own error for ids
	}
	return internalError(r)
}

func unauthorized() api.Response {
	response := failure(http.StatusUnauthorized, "unauthorized", "A valid operator token is required, as Authorization: Bearer.")
	response.Header = map[string]string{"WWW-Authenticate": "Bearer"}
	return response
}

func failure(status int, code, message string) api.Response {
	return api.Response{Status: status, Body: errorResponse{errorBody{Code: code, Message: message}}}
}
