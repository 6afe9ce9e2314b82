package notice

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hookline/hookline/pkg/webhook"
)

// body is the JSON of a notice.
type body struct {
	// ID is empty where a header has it.
	ID        string `json:"id,omitzero"`
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      data   `json:"data"`
}

type data struct {
	Account    string   `json:"account"`
	WebhookID  string   `json:"webhook_id"`
	Events     []string `json:"events"`
	State      string   `json:"state"`
	StateSince string   `json:"state_since"`
	LastStatus *int     `json:"last_status"`
}

// Body returns the JSON of a notice, without its id.
func Body(n webhook.Notice) ([]byte, error) { return encode(n, "") }

// BodyWithID returns the JSON of a notice with its id, for a carrier that has no
// other place for that.
func BodyWithID(n webhook.Notice) ([]byte, error) { return encode(n, n.ID) }

func encode(n webhook.Notice, id string) ([]byte, error) {
	b := body{ID: id, Type: string(n.Type), Timestamp: timeText(n.At), Data: data{
		Account: n.Account.String(), WebhookID: n.WebhookID, Events: n.Events,
		State: n.State().String(), StateSince: timeText(n.StateSince),
	}}
	if n.LastStatus != 0 {
		b.Data.LastStatus = &n.LastStatus
	}
	text, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("write notice %s: %w", n.ID, err)
	}
	return text, nil
}

func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
