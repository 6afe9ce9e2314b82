// Package operator implements the operator's own API, POST /events, through
// which events are published. Its contract is docs/contracts/operator.md.
//
// A request that is invalid as a whole is rejected as a whole; otherwise each
// event is validated and accepted by itself. Customers' tokens are refused:
// only the operator may publish.
package operator

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// Path is the only path.
	Path = "/events"
	// Name is the API of the operator's tokens.
	Name = webhook.API("operator")
	// maxBody is the maximum size of a request in bytes.
	maxBody = 4 << 20
)

// Config configures the handler.
type Config struct {
	Publisher *delivery.Publisher
	// Tokens holds the operator's tokens. It is nil if callers are authorised
	// elsewhere, as IAM does before API Gateway passes a request on.
	Tokens auth.Tokens
	Keys   *keygen.Generator
	Now    func() time.Time
	Log    *slog.Logger
}

// New returns the handler. All responses are JSON, including those for unknown
// paths and internal errors.
func New(cfg Config) api.Handler {
	if cfg.Publisher == nil {
		panic("operator: Config has no Publisher")
	}
	h := handler{publisher: cfg.Publisher}
	return api.Server{
		API:         Name,
		Routes:      []api.Route{{Method: http.MethodPost, Path: Path, Right: webhook.Publish, Body: true, Handle: h.publish}},
		Refuse:      refuse,
		Credentials: auth.Bearer,
		MediaTypes:  []string{"application/json"},
		ContentType: "application/json",
		MaxBody:     maxBody,
		Open:        cfg.Tokens == nil,
	}.Handler(api.Setup{Store: tokens{Tokens: cfg.Tokens}, Keys: cfg.Keys, Now: cfg.Now, Log: cfg.Log})
}

// tokens is all that the server uses of a store.
type tokens struct {
	api.Store // nil
	auth.Tokens
}

func (t tokens) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	return t.Tokens.Token(ctx, h)
}

type handler struct{ publisher *delivery.Publisher }

// results is the response to a publication.
type results struct {
	Results []Result `json:"results"`
}

// Result is the outcome of publishing one event, as the response shows it.
type Result struct {
	Delivery *string                `json:"delivery"`
	Status   delivery.PublishStatus `json:"status"`
	Error    string                 `json:"error,omitempty"`
}

// publish serves POST /events.
func (h handler) publish(ctx context.Context, r *api.Request) (api.Response, error) {
	sent, err := readEvents(r.Content)
	if err != nil {
		return api.Response{}, err
	}
	response := results{Results: make([]Result, len(sent))}
	var events []webhook.Event
	var keys []int
	for i, value := range sent {
		event, err := readEvent(value, h.publisher.Sending)
		if err != nil {
			response.Results[i] = Result{Status: delivery.Rejected, Error: err.Error()}
			continue
		}
		events, keys = append(events, event), append(keys, i)
	}
	for n, found := range h.publisher.Publish(ctx, events) {
		response.Results[keys[n]] = NewResult(found)
	}
	return api.Response{Status: http.StatusAccepted, Body: response}, nil
}

// NewResult converts a Publisher's result.
func NewResult(r delivery.Result) Result {
	wire := Result{Status: r.Status, Error: r.Reason}
	if r.Delivery != "" {
		wire.Delivery = &r.Delivery
	}
	return wire
}

// errorResponse is the body of every error.
type errorResponse struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error is what is wrong with a request as a whole.
type Error struct{ message string }

func (e *Error) Error() string { return e.message }

// refuse returns the response to an error in the API's shape.
func refuse(r *api.Request, err error) api.Response {
	if wrong, ok := errors.AsType[*Error](err); ok {
		return failure(http.StatusBadRequest, "invalid_request", wrong.message)
	}
	if reqErr, ok := errors.AsType[*api.Error](err); ok {
		return refuseRequest(r, reqErr)
	}
	return internalError(r)
}

func internalError(r *api.Request) api.Response {
	return failure(http.StatusInternalServerError, "internal_error",
		"Internal error. Publish it again; in the log it has the id "+r.ID+".")
}

// refuseRequest gives the answer to each kind of error.
func refuseRequest(r *api.Request, reqErr *api.Error) api.Response {
	switch reqErr.Kind {
	case api.UnknownPath:
		return failure(http.StatusNotFound, "not_found", "There is nothing at this path.")
	case api.WrongMethod:
		return failure(http.StatusMethodNotAllowed, "method_not_allowed", "Events are published by POST.")
	case api.MissingToken, api.InvalidToken, api.ExpiredToken:
		response := failure(http.StatusUnauthorized, "unauthorized", "A valid operator token is required, as Authorization: Bearer.")
		response.Header = map[string]string{"WWW-Authenticate": "Bearer"}
		return response
	case api.MissingRight:
		return failure(http.StatusForbidden, "forbidden", "The token has no right to publish.")
	case api.ContentType:
		return failure(http.StatusUnsupportedMediaType, "unsupported_content_type", "The Content-Type must be application/json.")
	case api.ContentEncoding:
		return failure(http.StatusBadRequest, "invalid_request", "The Content-Encoding must be identity.")
	case api.TooLarge:
		return failure(http.StatusBadRequest, "invalid_request", "The body must have 4 MiB at most.")
	case api.NotJSON:
		return failure(http.StatusBadRequest, "invalid_request", "The body "+reqErr.Value+".")
	case api.Closed, api.UnknownID: // this API is always open and has no ids
	}
	return internalError(r)
}

func failure(status int, code, message string) api.Response {
	return api.Response{Status: status, Body: errorResponse{errorBody{code, message}}}
}
