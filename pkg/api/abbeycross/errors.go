package abbeycross

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api"
)

// The error codes of the contract.
const (
	codeInvalid      = "INVALID_PARAMETER"
	codeTaken        = "WEBHOOK_ALREADY_EXISTS"
	codeUnauthorized = "UNAUTHORIZED"
	codeNotFound     = "NOT_FOUND"
	codeMethod       = "METHOD_NOT_ALLOWED"
	codeInternal     = "INTERNAL_ERROR"
	codeUnavailable  = "SERVICE_UNAVAILABLE"
)

// The texts of the contract. Details may follow the first.
const (
	textInvalid      = "One or more parameter values are invalid. Please check and retry."
	textTaken        = "Webhook already exists for this event"
	textUnauthorized = "Authentication token is required for this action that was not provided, expired or invalid."
	textNotFound     = "The requested endpoint or entity does not exist."
	textInternal     = "Internal server error."
	textUnavailable  = "The server is currently unavailable due to non-working hours. Please try again later."
)

const (
	// maxTextValue is the maximum length, in characters, of a string that is
	// returned as parameter_value.
	maxTextValue = 256
	// maxOtherValue is the maximum size, in bytes, of an array, object or number
	// that is.
	maxOtherValue = 1 << 10
)

// errorBody is the body of every error.
type errorBody struct {
	ErrorID        string         `json:"errorId"`
	Code           string         `json:"code"`
	Text           string         `json:"text"`
	ParameterName  string         `json:"parameter_name,omitempty"`
	ParameterValue jsontext.Value `json:"parameter_value,omitzero"`
}

// Error is the first error in a request's parameters. The response is a 400. It
// omits the value of a parameter that was not sent.
type Error struct {
	code, text string
	name       string
	value      jsontext.Value
}

// Error names the parameter. It omits what was sent.
func (e *Error) Error() string { return "refused " + e.name + " with " + e.code }

// invalid returns the error for a parameter that is not valid.
func invalid(name string, value jsontext.Value, wrong string) error {
	return &Error{codeInvalid, fmt.Sprintf("%s %s %s.", textInvalid, name, wrong), name, value}
}

// missing returns the error for a parameter that was not sent.
func missing(name string) error {
	return &Error{code: codeInvalid, text: fmt.Sprintf("%s %s is required.", textInvalid, name), name: name}
}

// taken returns the error for an event that already has a webhook.
func taken(name string, value jsontext.Value) error {
	return &Error{codeTaken, textTaken, name, value}
}

// shown returns what the response shows of a value: strings are cut, and large
// arrays, objects and numbers omitted.
func shown(value jsontext.Value) jsontext.Value {
	switch kind := value.Kind(); {
	case kind != '"' && len(value) > maxOtherValue:
		return nil
	case kind == '"':
		text, _ := api.AsString(value)
		return quote(text)
	}
	return value
}

// quote returns text as a JSON string of at most maxTextValue characters.
func quote(text string) jsontext.Value {
	if utf8.RuneCountInString(text) > maxTextValue {
		text = string([]rune(text)[:maxTextValue])
	}
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil { // invalid UTF-8 in a header; it is quoted with U+FFFD
		return quoted
	}
	return quoted
}

// refuse returns the response to an error in AbbeyCross's shape.
func refuse(r *api.Request, err error) api.Response {
	if e, ok := errors.AsType[*Error](err); ok {
		return respond(r, http.StatusBadRequest, errorBody{Code: e.code, Text: e.text, ParameterName: e.name, ParameterValue: shown(e.value)})
	}
	if reqErr, ok := errors.AsType[*api.Error](err); ok {
		return refuseRequest(r, reqErr)
	}
	return internalError(r)
}

func internalError(r *api.Request) api.Response {
	return respond(r, http.StatusInternalServerError, errorBody{Code: codeInternal, Text: textInternal})
}

// refuseRequest gives the answer to each kind of error.
func refuseRequest(r *api.Request, reqErr *api.Error) api.Response {
	switch reqErr.Kind {
	case api.UnknownPath, api.UnknownID:
		return respond(r, http.StatusNotFound, errorBody{Code: codeNotFound, Text: textNotFound})
	case api.WrongMethod:
		return respond(r, http.StatusMethodNotAllowed, errorBody{Code: codeMethod, Text: "The requested method is not allowed for this endpoint."})
	case api.Closed:
		a := respond(r, http.StatusServiceUnavailable, errorBody{Code: codeUnavailable, Text: textUnavailable})
		a.Header = map[string]string{"Retry-After": wholeSeconds(reqErr.Wait)}
		return a
	case api.ContentType:
		return respond(r, http.StatusBadRequest, headerError("Content-Type", "application/json", reqErr))
	case api.ContentEncoding:
		return respond(r, http.StatusBadRequest, headerError("Content-Encoding", "identity", reqErr))
	case api.TooLarge:
		return respond(r, http.StatusBadRequest, errorBody{Code: codeInvalid, Text: fmt.Sprintf("%s The body must be at most %d bytes.", textInvalid, api.MaxBody)})
	case api.NotJSON:
		return respond(r, http.StatusBadRequest, errorBody{Code: codeInvalid, Text: textInvalid + " The body " + reqErr.Value + "."})
	case api.MissingToken, api.InvalidToken, api.ExpiredToken, api.MissingRight:
		a := respond(r, http.StatusUnauthorized, errorBody{Code: codeUnauthorized, Text: textUnauthorized})
		a.Header = map[string]string{"WWW-Authenticate": "Bearer"}
		return a
	}
	return internalError(r)
}

// headerError describes a header that has another value than it must have, or
// none.
func headerError(name, must string, reqErr *api.Error) errorBody {
	f := errorBody{Code: codeInvalid, Text: fmt.Sprintf("%s %s must be %s.", textInvalid, name, must), ParameterName: name}
	if reqErr.Present {
		f.ParameterValue = quote(reqErr.Value)
	}
	return f
}

func respond(r *api.Request, status int, f errorBody) api.Response {
	f.ErrorID = r.ID
	return api.Response{Status: status, Body: f}
}

// wholeSeconds returns d in seconds, rounded up.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
