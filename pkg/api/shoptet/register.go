package shoptet

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// takenMessage is what the source says, to the letter.
const takenMessage = "Webhook already exists for this event"

type webhookList struct {
	Webhooks []wireWebhook `json:"webhooks"`
}

// register answers POST /api/webhooks. It validates in stages; the first that
// finds something answers with all it found.
func (h *handler) register(ctx context.Context, r *api.Request) (api.Response, error) {
	items, err := h.readItems(r.Content)
	if err != nil {
		return api.Response{}, err
	}
	if err := checkBatch(items); err != nil {
		return api.Response{}, err
	}
	registration, err := h.registry.Register(ctx, r.Account, items)
	if err != nil {
		return api.Response{}, conflict(err, items)
	}
	list, err := toWires(registration.Webhooks)
	if err != nil {
		return api.Response{}, err
	}
	return respond(r, http.StatusCreated, webhookList{list}, nil), nil
}

// checkBatch looks for events that stand twice, then for pairs that exclude
// each other.
func checkBatch(items []registry.Item) error {
	events := make([]string, len(items))
	for i, item := range items {
		events[i] = item.Event
	}
	if repeats := pick(events, validate.Repeats(events)); len(repeats) > 0 {
		return taken(repeats)
	}
	if later := pick(events, validate.Excluded(events, excluding)); len(later) > 0 {
		return conflicting(later)
	}
	return nil
}

// conflict turns the store's error into Shoptet's, in the order of the
// items; any other error stays as it is.
func conflict(err error, items []registry.Item) error {
	var found []string
	if e, ok := errors.AsType[*webhook.TakenError](err); ok {
		for _, item := range items {
			if _, ok := e.IDs[item.Event]; ok {
				found = append(found, item.Event)
			}
		}
		return taken(found)
	}
	if e, ok := errors.AsType[*webhook.ExcludedError](err); ok {
		for _, x := range e.Found {
			if !slices.Contains(found, x.Event) {
				found = append(found, x.Event)
			}
		}
		return conflicting(found)
	}
	return err
}

// taken refuses events that have a webhook already.
func taken(events []string) error {
	return each(events, http.StatusUnprocessableEntity, codeTaken, takenMessage)
}

// conflicting refuses events that another one excludes.
func conflicting(events []string) error {
	return each(events, http.StatusConflict, codeConflict, "This event cannot be registered together with another one that is.")
}

// each is a response with one error an event.
func each(events []string, status int, code, message string) error {
	e := &Error{status: status}
	for _, event := range events {
		e.items = append(e.items, errorItem{code, message, event})
	}
	return e
}

func pick(events []string, indexes []int) []string {
	picked := make([]string, len(indexes))
	for i, index := range indexes {
		picked[i] = events[index]
	}
	return picked
}
