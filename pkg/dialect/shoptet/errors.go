package shoptet

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hookline/hookline/pkg/dialect"
)

// The error codes of the contract.
const (
	codeInvalid       = "invalid-request-data"
	codeTaken         = "webhook-already-exists"
	codeConflict      = "conflicting-event"
	codeTooLarge      = "payload-too-large"
	codeContentType   = "unsupported-content-type"
	codeMissingToken  = "missing-access-token"
	codeInvalidToken  = "invalid-token"
	codeExpiredToken  = "expired-token"
	codeNoRights      = "invalid-token-no-rights"
	codeUnknownPath   = "endpoint-not-found"
	codeUnknownID     = "webhook-not-found"
	codeParameter     = "invalid-parameter"
	codeWrongMethod   = "method-not-allowed"
	codeInternalError = "internal-server-error"
)

type fault struct {
	ErrorCode string `json:"errorCode"`
	Message   string `json:"message"`
	Instance  string `json:"instance"`
}

// refusal is a status with all that one stage of judging found.
type refusal struct {
	status int
	faults []fault
}

// Error gives the codes, not what was sent.
func (e *refusal) Error() string {
	codes := make([]string, 0, len(e.faults))
	for i, f := range e.faults {
		if i == 0 || f.ErrorCode != e.faults[i-1].ErrorCode {
			codes = append(codes, f.ErrorCode)
		}
	}
	return fmt.Sprintf("refused for %d faults: %s", len(e.faults), strings.Join(codes, ", "))
}

// problems gives the status and fault of each problem. An empty instance is
// what the client sent.
var problems = map[dialect.Kind]struct {
	status int
	fault  fault
}{
	dialect.UnknownPath:  {http.StatusNotFound, fault{codeUnknownPath, "This endpoint does not exist.", ""}},
	dialect.WrongMethod:  {http.StatusMethodNotAllowed, fault{codeWrongMethod, "This endpoint does not have this method.", ""}},
	dialect.MissingToken: {http.StatusUnauthorized, fault{codeMissingToken, "Missing access token. Please add `Shoptet-Access-Token` header to your request.", "unknown"}},
	dialect.InvalidToken: {http.StatusUnauthorized, fault{codeInvalidToken, "Invalid access token.", "access-token"}},
	dialect.ExpiredToken: {http.StatusUnauthorized, fault{codeExpiredToken, "Token is expired. Please ask for new one.", "unknown"}},
	dialect.MissingRight: {http.StatusForbidden, fault{codeNoRights, "Your access token has no defined rights for this resource.", "access-token"}},
	dialect.ContentType:  {http.StatusUnsupportedMediaType, fault{codeContentType, "Content-Type must be application/json or application/vnd.shoptet.v1.0.", "Content-Type"}},
	dialect.TooLarge:     {http.StatusRequestEntityTooLarge, fault{codeTooLarge, fmt.Sprintf("The body must be at most %d bytes.", dialect.MaxBody), "data"}},
}

// refuse puts an error into Shoptet's shape.
func refuse(r *dialect.Request, err error) dialect.Answer {
	if found, ok := errors.AsType[*refusal](err); ok {
		return answer(r, found.status, nil, found.faults)
	}
	problem, ok := errors.AsType[*dialect.Problem](err)
	if !ok {
		return answer(r, http.StatusInternalServerError, nil, []fault{{codeInternalError, "Something went wrong on our side.", r.ID}})
	}
	if problem.Kind == dialect.NotJSON {
		return answer(r, http.StatusUnprocessableEntity, nil, []fault{{codeInvalid, "The body " + problem.Value + ".", "body"}})
	}
	if problem.Kind == dialect.UnknownID {
		message := `Webhook with id "` + problem.Value + `" not found.`
		return answer(r, http.StatusNotFound, nil, []fault{{codeUnknownID, message, problem.Value}})
	}
	p := problems[problem.Kind]
	if p.fault.Instance == "" {
		p.fault.Instance = problem.Value
	}
	return answer(r, p.status, nil, []fault{p.fault})
}
