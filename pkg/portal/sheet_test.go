package portal

import (
	"html/template"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// sheet shows every part that pages are made of.
type sheet struct {
	frame
	States                     []state
	Notes                      []note
	Hooks                      []hookView
	Rows                       []deliveryRow
	Failures                   []field
	Events, URL, Lines, Select field
	Tick                       field
	Timeline                   []event
	Key, Code                  code
	Empty                      empty
}

func newSheet(now time.Time) sheet {
	minutes := func(n int) moment { return at(now.Add(time.Duration(n)*time.Minute), now) }
	list := func(statuses ...webhook.Status) (found []webhook.Delivery) {
		for i := range 44 {
			found = append(found, webhook.Delivery{Status: statuses[i*7%len(statuses)]})
		}
		return found
	}
	colour, _ := parseAccent(defaultAccent)
	const ok, bad, wait, gone = webhook.StatusDelivered, webhook.StatusFailed, webhook.StatusRetrying, webhook.StatusCancelled
	url := field{Name: "url", Label: "URL", Hint: "Where the events are sent: https, reachable from the internet.", Value: "http://192.168.0.1/hook", Wrong: "The URL must begin with https://."}
	return sheet{
		frame: frame{
			outline: outline{Title: "Parts", Brand: "Hookline", Assets: newAssets("/portal/assets/", colour)}, Account: "shoptet:315185-myaddon", MayWrite: true, FormToken: "t",
			Tabs: []tab{{Name: "Webhooks", Path: "#1", Here: true}, {Name: "Deliveries", Path: "#2"}, {Name: "Recover", Path: "#3"}, {Name: "Test", Path: "#4"}, {Name: "Events", Path: "#5"}, {Name: "Verify", Path: "#6"}},
		},
		States: []state{webhookState(webhook.StateHealthy), webhookState(webhook.StateFailing), webhookState(webhook.StateDisabled), webhookState(webhook.StateNeverCalled)},
		Notes: []note{
			{toneOK, "The webhook is enabled.", "Events published from now on are sent to it."},
			{toneWait, "An attempt is under way.", "This page shows its outcome by itself."},
			{toneBad, "The webhook was disabled,", "since your receiver answered 410 Gone."},
			{toneIdle, "This link may only read.", "Ask for one that may write to make changes."},
		},
		Hooks: []hookView{
			{ID: "1", URL: "https://hooks.example.com/shoptet/orders", Events: []string{"order:create", "order:update"}, State: webhookState(webhook.StateFailing), Since: minutes(-134), Why: "last answer 500", Success: minutes(-150), Failure: minutes(-3), Strip: newStrip(slices.Values(list(bad, bad, bad, ok, wait)), false)},
			{ID: "2", URL: "https://hooks.example.com/shoptet/customers/with/a/rather/long/path?and=query&shop=315185", Events: []string{"customer:create"}, State: webhookState(webhook.StateHealthy), Since: minutes(-9000), Success: minutes(-1), Failure: moment{}, Strip: newStrip(slices.Values(list(ok, ok, ok, ok, ok, ok, ok, gone, ok)), true)},
			{ID: "3", URL: "https://hooks.example.com/shoptet/stock", Events: []string{"stock:movement"}, State: webhookState(webhook.StateNeverCalled), Since: minutes(-20), Strip: newStrip(slices.Values([]webhook.Delivery(nil)), false)},
		},
		Rows: []deliveryRow{
			{ID: "a", Event: "order:create", Instance: "2018000012", State: state{toneWait, "retrying"}, Time: minutes(-4), Attempts: 2, Response: "500", Next: minutes(11)},
			{ID: "b", Event: "order:update", Instance: "2018000011", State: state{toneOK, "delivered"}, Time: minutes(-31), Attempts: 1, Response: "200"},
			{ID: "c", Event: "customer:create", State: state{toneBad, "failed"}, Time: minutes(-1440), Attempts: 10, Response: "none"},
			{ID: "d", Event: "stock:movement", State: state{toneIdle, "cancelled"}, Time: minutes(-2900), Attempts: 0, Response: "none"},
		},
		Failures: failures(url),
		Events: field{Name: "events", Label: "Events", Type: "checkbox", Hint: "Each event can have one webhook.", Choices: []choice{
			{Value: "order:create", Label: "order:create", Taken: true, Note: "has a webhook"}, {Value: "order:update", Label: "order:update", Chosen: true}, {Value: "order:delete", Label: "order:delete"}, {Value: "order:cancel", Label: "order:cancel"},
		}},
		URL: url, Lines: field{Name: "lines", Label: "Events", Hint: "One on each line.", Value: "shipment.created\nshipment.delivered"},
		Select: field{Name: "status", Label: "Status", Choices: []choice{{Value: "", Label: "Any"}, {Value: "failed", Label: "failed", Chosen: true}}},
		Tick:   field{Name: "payload", Label: "Send the payload", Value: "yes", Hint: "Otherwise a delivery says only what happened, not the data."},
		Timeline: []event{
			{Tone: toneWait, Title: "Attempt 3 comes", At: minutes(11)},
			{Tone: toneBad, Title: "Attempt 2 failed", At: minutes(-4), Notes: []string{"HTTP 500", "132 ms"}, Response: `{"error":"<b>database</b> is locked"}`},
			{Tone: toneBad, Title: "Attempt 1 failed", At: minutes(-19), Notes: []string{"15.0 s"}, Reason: "no answer within 15 s"},
			{Tone: toneIdle, Title: "Accepted", At: minutes(-19)},
		},
		Key:   code{ID: "key", Title: "Signature key, shown this once", Text: "0f4c9d21b7e84a6f9c3d5e7a1b2c3d4e", Key: true},
		Code:  code{ID: "body", Title: "Body", Text: "{\n  \"eshopId\": 315185,\n  \"event\": \"order:create\",\n  \"eventInstance\": \"2018000012\"\n}"},
		Empty: empty{Title: "No webhooks yet", Text: "Add one to be told of what happens, instead of asking for it again and again.", Link: "#x", Action: "Add a webhook", Main: true},
	}
}

// drawSheet writes the sheet.
func drawSheet(w io.Writer, now time.Time) error {
	all := template.Must(template.New("").ParseFS(templateFiles, "templates/*.html"))
	return template.Must(all.ParseFiles("testdata/sheet.html")).ExecuteTemplate(w, "sheet", newSheet(now))
}

// sheetHandler serves the sheet and its assets.
func sheetHandler(now time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/portal/assets/", newSheet(now).Assets)
	mux.HandleFunc("/portal/sheet", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy("'none'"))
		if err := drawSheet(w, now); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return mux
}
