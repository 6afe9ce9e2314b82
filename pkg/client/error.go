package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Errors that an [*Error] matches, with [errors.Is].
var (
	// ErrNotFound: there is no such account, token, webhook or delivery.
	ErrNotFound = errors.New("not found")
	// ErrConflict: what was asked for cannot be done now, also because the
	// account is being deleted.
	ErrConflict = errors.New("conflict")
)

// Error is a response that is no success.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code says what is wrong, for programs (docs/contracts/operator-api.md,
	// Errors). It is empty if something before the server answered, such as API
	// Gateway.
	Code string
	// Message says what is wrong, for people.
	Message string
	// Field is the field, parameter or part of the path that is wrong, if one
	// is.
	Field string
	// RequestID is the id of an internal error in the server's log.
	RequestID string
}

func newError(status int, body []byte) *Error {
	var sent struct {
		Error struct {
			Code      string `json:"code"`
			Message   string `json:"message"`
			Field     string `json:"field"`
			RequestID string `json:"request_id"`
		} `json:"error"`
		Message string `json:"message"` // of API Gateway
	}
	if json.Unmarshal(body, &sent) != nil {
		return &Error{Status: status}
	}
	e := &Error{status, sent.Error.Code, sent.Error.Message, sent.Error.Field, sent.Error.RequestID}
	if e.Code == "" {
		e.Message = sent.Message
	}
	return e
}

// Error gives status, code and message.
func (e *Error) Error() string {
	text := fmt.Sprintf("answered %d", e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Is reports whether target is the error of the status.
func (e *Error) Is(target error) bool {
	return target == ErrNotFound && e.Status == http.StatusNotFound || target == ErrConflict && e.Status == http.StatusConflict
}
