package squake

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hookline/hookline/pkg/api"
)

// The contract's error codes that Hookline uses.
const (
	codeField         = "field_validation_error"
	codeServer        = "server_error"
	codeNotAuthorized = "not_authorized"
	codeNotFound      = "not_found"
	codeInvalidType   = "invalid_type"
)

const (
	// model is the source.model of a field's error.
	model = "Webhook"
	// base is the attribute of errors that concern no field.
	base = "base"
)

// errorList is the body of every error, in JSON:API style.
type errorList struct {
	Errors []errorItem `json:"errors"`
}

type errorItem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Source source `json:"source"`
}

type source struct {
	Attribute string `json:"attribute"`
	ID        string `json:"id,omitempty"`
	Model     string `json:"model,omitempty"`
}

// Error lists what is wrong with the fields of one request. The response is a
// 422.
type Error []errorItem

// Error names the attributes. It omits what was sent in them.
func (f Error) Error() string {
	attributes := make([]string, len(f))
	for i, err := range f {
		attributes[i] = err.Source.Attribute
	}
	return "refused for " + strings.Join(attributes, ", ")
}

func (f *Error) add(field, wrong string) {
	*f = append(*f, errorItem{
		Code:   codeField,
		Detail: field + " " + wrong,
		Source: source{Attribute: field, Model: model},
	})
}

// refuse returns the response to an error in Squake's shape.
func refuse(r *api.Request, err error) api.Response {
	if found, ok := errors.AsType[Error](err); ok {
		return api.Response{Status: http.StatusUnprocessableEntity, Body: errorList{found}}
	}
	if reqErr, ok := errors.AsType[*api.Error](err); ok {
		return refuseRequest(r, reqErr)
	}
	return internalError(r)
}

func internalError(r *api.Request) api.Response {
	return single(http.StatusInternalServerError, codeServer, "Something went wrong on our side", source{Attribute: base, ID: r.ID})
}

// refuseRequest gives the status and error of each kind of error.
func refuseRequest(r *api.Request, reqErr *api.Error) api.Response {
	switch reqErr.Kind {
	case api.UnknownPath:
		return single(http.StatusNotFound, codeNotFound, "This path does not exist", source{Attribute: "path"})
	case api.UnknownID:
		return single(http.StatusNotFound, codeNotFound, "There is no webhook of this id", source{Attribute: "id"})
	case api.WrongMethod:
		return single(http.StatusMethodNotAllowed, codeNotFound, "This path does not have this method", source{Attribute: "method"})
	case api.MissingToken:
		return unauthorized("A bearer token is required")
	case api.InvalidToken:
		return unauthorized("The token is not valid")
	case api.ExpiredToken:
		return unauthorized("The token has expired")
	case api.MissingRight:
		return unauthorized("The token may not do this")
	case api.ContentType:
		return single(http.StatusUnsupportedMediaType, codeInvalidType, "Content-Type must be application/json", source{Attribute: "Content-Type"})
	case api.ContentEncoding:
		return single(http.StatusUnsupportedMediaType, codeInvalidType, "Content-Encoding must be identity", source{Attribute: "Content-Encoding"})
	case api.TooLarge:
		return single(http.StatusRequestEntityTooLarge, codeField, fmt.Sprintf("The body must be at most %d bytes", api.MaxBody), source{Attribute: base})
	case api.NotJSON:
		return single(http.StatusUnprocessableEntity, codeField, "The body "+reqErr.Value, source{Attribute: base})
	case api.Closed: // this API is always open
	}
	return internalError(r)
}

func unauthorized(detail string) api.Response {
	response := single(http.StatusUnauthorized, codeNotAuthorized, detail, source{Attribute: "Authorization"})
	response.Header = map[string]string{"WWW-Authenticate": "Bearer"}
	return response
}

func single(status int, code, detail string, s source) api.Response {
	return api.Response{Status: status, Body: errorList{[]errorItem{{code, detail, s}}}}
}
