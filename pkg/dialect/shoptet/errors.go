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

// refuse puts an error into Shoptet's shape.
func refuse(r *dialect.Request, err error) dialect.Answer {
	if found, ok := errors.AsType[*refusal](err); ok {
		return answer(r, found.status, nil, found.faults)
	}
	status, found := http.StatusInternalServerError, fault{codeInternalError, "Something went wrong on our side.", r.ID}
	if problem, ok := errors.AsType[*dialect.Problem](err); ok {
		if known, of := problemFault(problem); known > 0 {
			status, found = known, of
		}
	}
	return answer(r, status, nil, []fault{found})
}

// problemFault gives the status and fault of each kind of problem, 0 for one
// that this API does not have.
func problemFault(problem *dialect.Problem) (status int, found fault) {
	switch problem.Kind {
	case dialect.UnknownPath:
		return http.StatusNotFound, fault{codeUnknownPath, "This endpoint does not exist.", problem.Value}
	case dialect.WrongMethod:
		return http.StatusMethodNotAllowed, fault{codeWrongMethod, "This endpoint does not have this method.", problem.Value}
	case dialect.MissingToken:
		return http.StatusUnauthorized, fault{codeMissingToken, "Missing access token. Please add `Shoptet-Access-Token` header to your request.", "unknown"}
	case dialect.InvalidToken:
		return http.StatusUnauthorized, fault{codeInvalidToken, "Invalid access token.", "access-token"}
	case dialect.ExpiredToken:
		return http.StatusUnauthorized, fault{codeExpiredToken, "Token is expired. Please ask for new one.", "unknown"}
	case dialect.MissingRight:
		return http.StatusForbidden, fault{codeNoRights, "Your access token has no defined rights for this resource.", "access-token"}
	case dialect.ContentType:
		return http.StatusUnsupportedMediaType, fault{codeContentType, "Content-Type must be application/json or application/vnd.shoptet.v1.0.", "Content-Type"}
	case dialect.TooLarge:
		return http.StatusRequestEntityTooLarge, fault{codeTooLarge, fmt.Sprintf("The body must be at most %d bytes.", dialect.MaxBody), "data"}
	case dialect.NotJSON:
		return http.StatusUnprocessableEntity, fault{codeInvalid, "The body " + problem.Value + ".", "body"}
	case dialect.UnknownID:
		return http.StatusNotFound, fault{codeUnknownID, `Webhook with id "` + problem.Value + `" not found.`, problem.Value}
	case dialect.Closed: // this API is always open
	}
	return 0, fault{}
}
