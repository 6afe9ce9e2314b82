// Package operator implements the operator's own API: POST /events, through
// which events are published, and everything under /operator/, through which
// accounts, tokens, webhooks and deliveries are looked after. Its contracts are
// docs/contracts/operator.md and docs/contracts/operator-api.md.
//
// A publication that is invalid as a whole is rejected as a whole; otherwise
// each event is validated and accepted by itself. Customers' tokens are refused:
// only the operator may use this API. Nothing here opens a signing key.
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
	// Path is the path of publishing.
	Path = "/events"
	// Name is the API of the operator's tokens.
	Name = webhook.API("operator")
	// maxBody is the maximum size of a request in bytes.
	maxBody = 4 << 20
)

// Config configures the handler of Path.
type Config struct {
	Publisher *delivery.Publisher
	// Tokens holds the operator's tokens. It is nil if callers are authorised
	// elsewhere, as IAM does before API Gateway passes a request on.
	Tokens auth.Tokens
	Keys   *keygen.Generator
	Now    func() time.Time
	Log    *slog.Logger
	// Published, unless nil, is told of each event what became of it. The API is
	// empty where there is none of the account's.
	Published func(webhook.API, delivery.PublishStatus)
	// Observer sees the requests.
	Observer api.Observer
}

// New returns the handler of Path. All responses are JSON, including those for unknown
// paths and internal errors.
func New(cfg Config) api.Handler {
	if cfg.Publisher == nil {
		panic("operator: Config has no Publisher")
	}
	h := handler{publisher: cfg.Publisher, published: cfg.Published}
	if h.published == nil {
		h.published = func(webhook.API, delivery.PublishStatus) {}
	}
	return api.Server{
		API:         Name,
		Routes:      []api.Route{{Method: http.MethodPost, Path: Path, Right: webhook.Publish, Body: true, Handle: h.publish}},
		Refuse:      refusePublication,
		Credentials: auth.Bearer,
		MediaTypes:  []string{"application/json"},
		ContentType: "application/json",
		MaxBody:     maxBody,
		Open:        cfg.Tokens == nil,
	}.Handler(api.Setup{Store: tokens{Tokens: cfg.Tokens}, Keys: cfg.Keys, Now: cfg.Now, Log: cfg.Log, Observer: cfg.Observer})
}

// tokens is all that the server uses of a store.
type tokens struct {
	api.Store // nil
	auth.Tokens
}

func (t tokens) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	return t.Tokens.Token(ctx, h)
}

type handler struct {
	publisher *delivery.Publisher
	published func(webhook.API, delivery.PublishStatus)
}

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
			h.published("", delivery.Rejected)
			continue
		}
		events, keys = append(events, event), append(keys, i)
	}
	published := h.publisher.Publish(ctx, events)
	for n, found := range published {
		h.published(h.known(events[n].Account.API), found.Status)
	}
	if nothingStored(published) {
		return failure(http.StatusServiceUnavailable, "internal_error", "The store takes no writes now. Nothing of this request is known to be stored; publish it again."), nil
	}
	for n, found := range published {
		response.Results[keys[n]] = NewResult(found)
	}
	return api.Response{Status: http.StatusAccepted, Body: response}, nil
}

// known returns the name of an API, or nothing if there is none: whoever
// publishes may write what he likes.
func (h handler) known(name webhook.API) webhook.API {
	if _, ok := h.publisher.Sending(name); !ok {
		return ""
	}
	return name
}

// nothingStored reports whether the store is unavailable and has none of the
// events. Repeating the whole request is then as good as repeating what failed.
func nothingStored(published []delivery.Result) bool {
	unavailable := false
	for _, r := range published {
		if r.Delivery != "" || r.Status == delivery.InternalError && !r.Unavailable {
			return false
		}
		unavailable = unavailable || r.Unavailable
	}
	return unavailable
}

// NewResult converts a Publisher's result.
func NewResult(r delivery.Result) Result {
	wire := Result{Status: r.Status, Error: r.Reason}
	if r.Delivery != "" {
		wire.Delivery = &r.Delivery
	}
	return wire
}

// refusePublication returns the response of Path to an error in the API's
// shape.
func refusePublication(r *api.Request, err error) api.Response {
	if wrong, ok := errors.AsType[*Error](err); ok {
		return failure(http.StatusBadRequest, invalidRequest, wrong.message)
	}
	if reqErr, ok := errors.AsType[*api.Error](err); ok {
		return refusePublicationRequest(r, reqErr)
	}
	return publicationError(r)
}

func publicationError(r *api.Request) api.Response {
	return failure(http.StatusInternalServerError, "internal_error",
		"Internal error. Publish it again; in the log it has the id "+r.ID+".")
}

// refusePublicationRequest gives the answer to each kind of error.
func refusePublicationRequest(r *api.Request, reqErr *api.Error) api.Response {
	switch reqErr.Kind {
	case api.UnknownPath:
		return failure(http.StatusNotFound, "not_found", "There is nothing at this path.")
	case api.WrongMethod:
		return failure(http.StatusMethodNotAllowed, "method_not_allowed", "Events are published by POST.")
	case api.MissingToken, api.InvalidToken, api.ExpiredToken:
		return unauthorized()
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
	return publicationError(r)
}
