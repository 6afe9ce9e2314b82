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

// The codes of the contract.
const (
	codeInvalid      = "INVALID_PARAMETER"
	codeTaken        = "WEBHOOK_ALREADY_EXISTS"
	codeUnauthorized = "UNAUTHORIZED"
	codeNotFound     = "NOT_FOUND"
	codeMethod       = "METHOD_NOT_ALLOWED"
	codeInternal     = "INTERNAL_ERROR"
	codeUnavailable  = "SERVICE_UNAVAILABLE"
)

// The source's sentences. A more exact one may follow the first.
const (
	textInvalid      = "One or more parameter values are invalid. Please check and retry."
	textTaken        = "Webhook already exists for this event"
	textUnauthorized = "Authentication token is required for this action that was not provided, expired or invalid."
	textNotFound     = "The requested endpoint or entity does not exist."
	textInternal     = "Internal server error."
	textUnavailable  = "The server is currently unavailable due to non-working hours. Please try again later."
)

const (
	// maxTextValue is the longest string, in characters, that comes back as
	// parameter_value.
	maxTextValue = 256
	// maxNestedValue is the largest array or object, in bytes, that does.
	maxNestedValue = 1 << 10
)

// errorBody is the body of every error.
type errorBody struct {
	ErrorID        string         `json:"errorId"`
	Code           string         `json:"code"`
	Text           string         `json:"text"`
	ParameterName  string         `json:"parameter_name,omitempty"`
	ParameterValue jsontext.Value `json:"parameter_value,omitzero"`
}

// Error is the first thing wrong with a request's parameters: a 400. The
// name and the value of a parameter that was not sent are left out.
type Error struct {
	code, text string
	name       string
	value      jsontext.Value
}

// Error names the parameter, not what was sent in it.
func (e *Error) Error() string { return "refused " + e.name + " with " + e.code }

// invalid refuses a parameter that was sent.
func invalid(name string, value jsontext.Value, wrong string) error {
	return &Error{codeInvalid, fmt.Sprintf("%s %s %s.", textInvalid, name, wrong), name, value}
}

// missing refuses a request that lacks a parameter.
func missing(name string) error {
	return &Error{code: codeInvalid, text: fmt.Sprintf("%s %s is required.", textInvalid, name)}
}

// taken refuses an event that has a webhook already.
func taken(name string, value jsontext.Value) error {
	return &Error{codeTaken, textTaken, name, value}
}

// shown is what of a value comes back: strings are cut, large arrays and
// objects left out.
func shown(value jsontext.Value) jsontext.Value {
	switch kind := value.Kind(); {
	case (kind == '[' || kind == '{') && len(value) > maxNestedValue:
		return nil
	case kind == '"':
		text, _ := api.AsString(value)
		return quote(text)
	}
	return value
}

// quote makes a JSON string of at most maxTextValue characters.
func quote(text string) jsontext.Value {
	if utf8.RuneCountInString(text) > maxTextValue {
		text = string([]rune(text)[:maxTextValue])
	}
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil { // broken UTF-8 in a header; it is quoted with U+FFFD
		return quoted
	}
	return quoted
}

// refuse puts an error into AbbeyCross's shape.
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
		return respond(r, http.StatusBadRequest, contentTypeError(reqErr))
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

func contentTypeError(reqErr *api.Error) errorBody {
	f := errorBody{Code: codeInvalid, Text: textInvalid + " Content-Type must be application/json."}
	if reqErr.Present {
		f.ParameterName, f.ParameterValue = "Content-Type", quote(reqErr.Value)
	}
	return f
}

func respond(r *api.Request, status int, f errorBody) api.Response {
	f.ErrorID = r.ID
	return api.Response{Status: status, Body: f}
}

// wholeSeconds rounds up.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
