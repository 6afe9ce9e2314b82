package shoptet

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hookline/hookline/pkg/api"
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

type errorItem struct {
	ErrorCode string `json:"errorCode"`
	Message   string `json:"message"`
	Instance  string `json:"instance"`
}

// Error is a status and all errors that one stage of validation found.
type Error struct {
	status int
	items  []errorItem
}

// Error lists the codes. It omits what was sent.
func (e *Error) Error() string {
	codes := make([]string, 0, len(e.items))
	for i, f := range e.items {
		if i == 0 || f.ErrorCode != e.items[i-1].ErrorCode {
			codes = append(codes, f.ErrorCode)
		}
	}
	return fmt.Sprintf("refused for %d errors: %s", len(e.items), strings.Join(codes, ", "))
}

// refuse returns the response to an error in Shoptet's shape.
func refuse(r *api.Request, err error) api.Response {
	if found, ok := errors.AsType[*Error](err); ok {
		return respond(r, found.status, nil, found.items)
	}
	status, found := http.StatusInternalServerError, errorItem{codeInternalError, "Something went wrong on our side.", r.ID}
	if reqErr, ok := errors.AsType[*api.Error](err); ok {
		if known, of := requestError(reqErr); known > 0 {
			status, found = known, of
		}
	}
	return respond(r, status, nil, []errorItem{found})
}

// requestError gives the status and error of each kind of error, 0 for one
// that this API does not have.
func requestError(reqErr *api.Error) (status int, found errorItem) {
	switch reqErr.Kind {
	case api.UnknownPath:
		return http.StatusNotFound, errorItem{codeUnknownPath, "This endpoint does not exist.", reqErr.Value}
	case api.WrongMethod:
		return http.StatusMethodNotAllowed, errorItem{codeWrongMethod, "This endpoint does not have this method.", reqErr.Value}
	case api.MissingToken:
		return http.StatusUnauthorized, errorItem{codeMissingToken, "Missing access token. Please add `Shoptet-Access-Token` header to your request.", "unknown"}
	case api.InvalidToken:
		return http.StatusUnauthorized, errorItem{codeInvalidToken, "Invalid access token.", "access-token"}
	case api.ExpiredToken:
		return http.StatusUnauthorized, errorItem{codeExpiredToken, "Token is expired. Please ask for new one.", "unknown"}
	case api.MissingRight:
		return http.StatusForbidden, errorItem{codeNoRights, "Your access token has no defined rights for this resource.", "access-token"}
	case api.ContentType:
		return http.StatusUnsupportedMediaType, errorItem{codeContentType, "Content-Type must be application/json or application/vnd.shoptet.v1.0.", "Content-Type"}
	case api.ContentEncoding:
		return http.StatusUnsupportedMediaType, errorItem{codeContentType, "Content-Encoding must be identity.", "Content-Encoding"}
	case api.TooLarge:
		return http.StatusRequestEntityTooLarge, errorItem{codeTooLarge, fmt.Sprintf("The body must be at most %d bytes.", api.MaxBody), "data"}
	case api.NotJSON:
		return http.StatusUnprocessableEntity, errorItem{codeInvalid, "The body " + reqErr.Value + ".", "body"}
	case api.UnknownID:
		return http.StatusNotFound, errorItem{codeUnknownID, `Webhook with id "` + reqErr.Value + `" not found.`, reqErr.Value}
	case api.Closed: // this API is always open
	}
	return 0, errorItem{}
}
