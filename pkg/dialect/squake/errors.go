package squake

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hookline/hookline/pkg/dialect"
)

// The codes of the contract that are ours to give.
const (
	codeField         = "field_validation_error"
	codeServer        = "server_error"
	codeNotAuthorized = "not_authorized"
	codeNotFound      = "not_found"
	codeInvalidType   = "invalid_type"
)

const (
	// model is what source.model says of a field's fault.
	model = "Webhook"
	// base is the attribute of faults that are no field's.
	base = "base"
)

// errorList is the body of every error, in JSON:API style.
type errorList struct {
	Errors []fault `json:"errors"`
}

type fault struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Source source `json:"source"`
}

type source struct {
	Attribute string `json:"attribute"`
	ID        string `json:"id,omitempty"`
	Model     string `json:"model,omitempty"`
}

// faults are what is wrong with the fields of one request: a 422.
type faults []fault

// Error names the attributes, not what was sent in them.
func (f faults) Error() string {
	attributes := make([]string, len(f))
	for i, fault := range f {
		attributes[i] = fault.Source.Attribute
	}
	return "refused for " + strings.Join(attributes, ", ")
}

func (f *faults) add(field, wrong string) {
	*f = append(*f, fault{
		Code:   codeField,
		Detail: field + " " + wrong,
		Source: source{Attribute: field, Model: model},
	})
}

// refusals gives the status and fault of each problem.
var refusals = map[dialect.Kind]struct {
	status                  int
	code, detail, attribute string
}{
	dialect.UnknownPath:  {http.StatusNotFound, codeNotFound, "This path does not exist", "path"},
	dialect.UnknownID:    {http.StatusNotFound, codeNotFound, "There is no webhook of this id", "id"},
	dialect.WrongMethod:  {http.StatusMethodNotAllowed, codeNotFound, "This path does not have this method", "method"},
	dialect.MissingToken: {http.StatusUnauthorized, codeNotAuthorized, "A bearer token is required", "Authorization"},
	dialect.InvalidToken: {http.StatusUnauthorized, codeNotAuthorized, "The token is not valid", "Authorization"},
	dialect.ExpiredToken: {http.StatusUnauthorized, codeNotAuthorized, "The token has expired", "Authorization"},
	dialect.MissingRight: {http.StatusUnauthorized, codeNotAuthorized, "The token may not do this", "Authorization"},
	dialect.ContentType:  {http.StatusUnsupportedMediaType, codeInvalidType, "Content-Type must be application/json", "Content-Type"},
	dialect.TooLarge:     {http.StatusRequestEntityTooLarge, codeField, fmt.Sprintf("The body must be at most %d bytes", dialect.MaxBody), base},
}

// refuse puts an error into Squake's shape.
func refuse(r *dialect.Request, err error) dialect.Answer {
	if found, ok := errors.AsType[faults](err); ok {
		return dialect.Answer{Status: http.StatusUnprocessableEntity, Body: errorList{found}}
	}
	problem, ok := errors.AsType[*dialect.Problem](err)
	if !ok {
		return single(http.StatusInternalServerError, codeServer, "Something went wrong on our side", source{Attribute: base, ID: r.ID})
	}
	if problem.Kind == dialect.NotJSON {
		return single(http.StatusUnprocessableEntity, codeField, "The body "+problem.Value, source{Attribute: base})
	}
	refusal := refusals[problem.Kind]
	answer := single(refusal.status, refusal.code, refusal.detail, source{Attribute: refusal.attribute})
	if refusal.status == http.StatusUnauthorized {
		answer.Header = map[string]string{"WWW-Authenticate": "Bearer"}
	}
	return answer
}

func single(status int, code, detail string, s source) dialect.Answer {
	return dialect.Answer{Status: status, Body: errorList{[]fault{{code, detail, s}}}}
}
