package modeltest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

// reply is everything an operation can come to.
type reply struct {
	Error    string // the name of the error; "" for success
	Taken    map[string]string
	Excluded []webhook.Exclusion
	Webhooks []webhook.Webhook
	Key      string
	Accounts []webhook.AccountInfo
	Tokens   []webhook.Token

	Published  delivery.Result
	Outcome    delivery.Outcome
	Deliveries []webhook.Delivery
	Recovered  delivery.Recovered
}

// model is what a store and a registry should be, told as plainly as
// possible. Whatever is made at random it takes over from the answer, after
// seeing that it is new.
type model struct {
	now      time.Time
	webhooks map[webhook.Account]map[string]webhook.Webhook // by event
	accounts map[webhook.Account]webhook.AccountInfo
	tokens   map[webhook.TokenHash]webhook.Token
	// issued are all ids, keys and claims that were ever seen; ids are those
	// of each client, in the order of their answers.
	issued map[string]bool
	ids    [clients][]string
	sent
}

func newModel(now time.Time) *model {
	return &model{
		now:      now,
		webhooks: map[webhook.Account]map[string]webhook.Webhook{},
		accounts: map[webhook.Account]webhook.AccountInfo{},
		tokens:   map[webhook.TokenHash]webhook.Token{},
		issued:   map[string]bool{},
		sent:     newSent(),
	}
}

// fresh gives s when it was never seen before.
func (m *model) fresh(s string) string {
	if s == "" || m.issued[s] {
		return "(something new)"
	}
	m.issued[s] = true
	return s
}

// recipient is the id that an operation means.
func (m *model) recipient(o operation) string {
	ids := m.ids[(o.Client+o.Of)%clients]
	if o.Target >= len(ids) {
		return "a-never"
	}
	return ids[len(ids)-1-o.Target]
}

// step does o and gives what it must be answered. a is its account, id its
// target, v what it has read of deliveries, and got what it was answered.
func (m *model) step(o operation, a webhook.Account, id string, v view, got reply) reply {
	switch o.Do {
	case "register":
		return m.register(o, a, got)
	case "list":
		return reply{Webhooks: m.list(a)}
	case "find":
		return m.found(m.find(a, id))
	case "change":
		return m.change(o.Edit, a, id)
	case "delete":
		return m.delete(a, id)
	case "rotate":
		return m.rotate(a, id, got)
	case "slow":
		return m.slow(a, id)
	case "renew":
		return m.renew(a, got)
	case "enable", "disable":
		return m.setEnabled(a, id, o.Do == "enable")
	}
	if o.sends() {
		return m.deliver(o, a, v)
	}
	return m.operate(o, a)
}

func (m *model) register(o operation, a webhook.Account, got reply) reply {
	held := m.webhooks[a]
	want := reply{Taken: map[string]string{}}
	for _, item := range o.Items {
		if w, taken := held[item.Event]; taken {
			want.Taken[item.Event] = w.ID
		}
	}
	if len(want.Taken) > 0 {
		want.Error = "taken"
		return want
	}
	if o.api() == batch {
		want.Excluded = excludedBy(o, func(event string) bool { _, there := held[event]; return there })
	}
	if len(want.Excluded) > 0 {
		want.Error = "excluded"
		return want
	}
	if len(got.Webhooks) != len(o.Items) {
		return reply{Error: "(as many webhooks as were asked for)"}
	}
	var key []byte
	if o.api().ownKeys() {
		want.Key = m.fresh(got.Key)
		key = sealed(seal.WebhookKey(a, got.Webhooks[0].ID), want.Key)
	}
	id, requestID := "", m.fresh(got.Webhooks[0].RequestID)
	for i, item := range o.Items {
		if i == 0 || o.api() == batch {
			id = m.fresh(got.Webhooks[i].ID)
			m.ids[o.Client] = append(m.ids[o.Client], id)
		}
		want.Webhooks = append(want.Webhooks, webhook.Webhook{
			Account: a, Event: item.Event, ID: id, RequestID: requestID, URL: item.URL, SendPayload: item.SendPayload,
			Position: i, SealedKey: key, Version: 1, CreatedAt: m.now,
		})
	}
	m.put(a, want.Webhooks)
	return want
}

// excludedBy names the exclusions that stand in the way of a registration, in
// the order of its items and of the pairs.
func excludedBy(o operation, registered func(event string) bool) []webhook.Exclusion {
	var found []webhook.Exclusion
	for _, item := range o.Items {
		for _, pair := range excluding {
			for i, event := range pair {
				if other := pair[1-i]; event == item.Event && registered(other) {
					found = append(found, webhook.Exclusion{Event: event, By: other})
				}
			}
		}
	}
	return found
}

func (m *model) put(a webhook.Account, webhooks []webhook.Webhook) {
	if m.webhooks[a] == nil {
		m.webhooks[a] = map[string]webhook.Webhook{}
	}
	for _, w := range webhooks {
		m.webhooks[a][w.Event] = w
	}
}

// byEvent gives an account's webhooks as a store lists them.
func (m *model) byEvent(a webhook.Account) []webhook.Webhook {
	return slices.SortedFunc(maps.Values(m.webhooks[a]), func(v, w webhook.Webhook) int { return strings.Compare(v.Event, w.Event) })
}

func (m *model) list(a webhook.Account) []webhook.Webhook {
	return slices.SortedFunc(maps.Values(m.webhooks[a]), func(v, w webhook.Webhook) int {
		return cmp.Or(v.CreatedAt.Compare(w.CreatedAt), strings.Compare(v.ID, w.ID), v.Position-w.Position)
	})
}

func (m *model) find(a webhook.Account, id string) []webhook.Webhook {
	return slices.DeleteFunc(m.list(a), func(w webhook.Webhook) bool { return w.ID != id })
}

func (m *model) found(webhooks []webhook.Webhook) reply {
	if len(webhooks) == 0 {
		return reply{Error: "not found"}
	}
	return reply{Webhooks: webhooks}
}

func (m *model) change(e edit, a webhook.Account, id string) reply {
	records := m.find(a, id)
	switch {
	case len(records) == 0:
		return reply{Error: "not found"}
	case e.Refuse:
		return reply{Error: "refused"}
	}
	if w, held := m.webhooks[a][e.Event]; held && w.ID != id {
		return reply{Error: "taken", Taken: map[string]string{e.Event: w.ID}}
	}
	return m.replace(a, records, func(w *webhook.Webhook) {
		w.Disabled, w.DisabledReason = false, "" // any change enables
		e.apply(w)
	})
}

// replace edits records and gives them as they then are.
func (m *model) replace(a webhook.Account, records []webhook.Webhook, edit func(*webhook.Webhook)) reply {
	for i := range records {
		w := &records[i]
		delete(m.webhooks[a], w.Event)
		since := m.now
		if w.Disabled {
			since = w.DisabledAt
		}
		edit(w)
		w.Version++
		w.UpdatedAt, w.DisabledAt = m.now, time.Time{}
		if w.Disabled {
			w.DisabledAt = since
		}
	}
	m.put(a, records)
	return reply{Webhooks: records}
}

// setEnabled writes nothing if the records are as asked.
func (m *model) setEnabled(a webhook.Account, id string, enabled bool) reply {
	records := m.find(a, id)
	if !slices.ContainsFunc(records, func(w webhook.Webhook) bool { return w.Disabled == enabled }) {
		return m.found(records)
	}
	return m.replace(a, records, func(w *webhook.Webhook) { w.Disabled, w.DisabledReason = !enabled, "" })
}

// slow makes the first record slow, or quick if it was slow. That is no change.
func (m *model) slow(a webhook.Account, id string) reply {
	records := m.find(a, id)
	if len(records) == 0 {
		return reply{Error: "not found"}
	}
	w := records[0]
	w.SlowSince = toggled(w.SlowSince, m.now)
	m.put(a, []webhook.Webhook{w})
	return reply{}
}

// toggled is now if t is zero, and zero otherwise.
func toggled(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return time.Time{}
}

func (e edit) apply(w *webhook.Webhook) {
	if e.URL != "" && e.URL != w.URL {
		w.SlowSince = time.Time{} // it is another receiver
	}
	w.URL = cmp.Or(e.URL, w.URL)
	w.Event = cmp.Or(e.Event, w.Event)
	w.SendPayload = e.Payload
	if e.Disable {
		w.Disabled, w.DisabledReason = true, "the edit says so"
	}
}

func (m *model) delete(a webhook.Account, id string) reply {
	records := m.find(a, id)
	if len(records) == 0 {
		return reply{Error: "not found"}
	}
	for _, w := range records {
		delete(m.webhooks[a], w.Event)
	}
	return reply{}
}

// rotate leaves a disabled webhook as it is.
func (m *model) rotate(a webhook.Account, id string, got reply) reply {
	records := m.find(a, id)
	if len(records) == 0 {
		return reply{Error: "not found"}
	}
	want := reply{Key: m.fresh(got.Key)}
	m.replace(a, records, func(w *webhook.Webhook) {
		retired := []webhook.RetiredKey{{Sealed: w.SealedKey, Until: m.now.Add(24 * time.Hour)}}
		for _, k := range w.RetiredKeys {
			if m.now.Before(k.Until) && len(retired) < 4 {
				retired = append(retired, k)
			}
		}
		w.RetiredKeys = retired
		w.SealedKey = sealed(seal.WebhookKey(a, id), want.Key)
	})
	return want
}

func (m *model) renew(a webhook.Account, got reply) reply {
	info, found := m.accounts[a]
	if !found || info.Closing {
		return reply{Error: "not found"}
	}
	want := reply{Key: m.fresh(got.Key)}
	info.SealedKey = sealed(seal.AccountKey(a), want.Key)
	m.accounts[a] = info
	return want
}

// token gives the token that an operation means. The hash tells accounts
// apart but for the first token, which they have in common: only one of them
// can own it.
func (o operation) token(a webhook.Account, m *model) webhook.Token {
	text := fmt.Sprint(a.API, " token ", o.Token)
	if o.Token > 0 {
		text += a.ID
	}
	return webhook.Token{
		ID: fmt.Sprint("t", o.Token), Account: a, Hash: webhook.HashToken(text),
		Rights: webhook.Read, CreatedAt: m.now,
	}
}

// operate does what the operator does, and gives what must be answered.
func (m *model) operate(o operation, a webhook.Account) reply {
	info, found := m.accounts[a]
	switch o.Do {
	case "create account":
		if found {
			return reply{Error: "exists"}
		}
		m.accounts[a] = webhook.AccountInfo{Account: a, CreatedAt: m.now}
	case "account":
		if found {
			return reply{Accounts: []webhook.AccountInfo{info}}
		}
		return reply{Error: "not found"}
	case "accounts":
		return reply{Accounts: m.accountsOf(a.API)}
	case "close":
		if !found {
			return reply{Error: "not found"}
		}
		info.Closing = true
		m.accounts[a] = info
	case "remove":
		if !info.Closing {
			return reply{Error: "not found"}
		}
		delete(m.accounts, a)
	default:
		return m.operateToken(o, a)
	}
	return reply{}
}

func (m *model) operateToken(o operation, a webhook.Account) reply {
	t := o.token(a, m)
	there, used := m.tokens[t.Hash]
	idUsed := slices.ContainsFunc(m.tokensOf(a), func(other webhook.Token) bool { return other.ID == t.ID })
	switch o.Do {
	case "create token":
		info, found := m.accounts[a]
		switch {
		case !found || info.Closing:
			return reply{Error: "not found"}
		case used || idUsed:
			return reply{Error: "exists"}
		}
		m.tokens[t.Hash] = t
		return reply{}
	case "token":
		if used {
			return reply{Tokens: []webhook.Token{there}}
		}
		return reply{Error: "not found"}
	case "tokens":
		return reply{Tokens: m.tokensOf(a)}
	case "revoke token":
		if !idUsed {
			return reply{Error: "not found"}
		}
		delete(m.tokens, t.Hash)
		return reply{}
	}
	return reply{Error: "(the model does not know this operation)"}
}

func (m *model) accountsOf(d webhook.API) []webhook.AccountInfo {
	all := slices.Collect(maps.Values(m.accounts))
	all = slices.DeleteFunc(all, func(i webhook.AccountInfo) bool { return i.Account.API != d })
	slices.SortFunc(all, func(i, j webhook.AccountInfo) int { return strings.Compare(i.Account.ID, j.Account.ID) })
	return all
}

func (m *model) tokensOf(a webhook.Account) []webhook.Token {
	all := slices.Collect(maps.Values(m.tokens))
	all = slices.DeleteFunc(all, func(t webhook.Token) bool { return t.Account != a })
	slices.SortFunc(all, func(t, u webhook.Token) int { return strings.Compare(t.ID, u.ID) })
	return all
}
