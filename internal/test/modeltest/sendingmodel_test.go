package modeltest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// key names a delivery.
type key struct {
	account webhook.Account
	id      string
}

// sent is what the model knows of deliveries.
type sent struct {
	deliveries map[key]webhook.Delivery
	// failures are the attempts that failed of each.
	failures map[key][]webhook.Attempt
	// responses counts what receivers responded.
	responses int
	// accepted are those of each client, in the order in which they came.
	accepted [clients][]key
}

func newSent() sent {
	return sent{deliveries: map[key]webhook.Delivery{}, failures: map[key][]webhook.Attempt{}}
}

// view is what an operation has read before it writes.
type view struct {
	at       time.Time
	delivery webhook.Delivery
	found    bool
	account  webhook.AccountInfo
	webhooks map[string]webhook.Webhook // by event
	list     []webhook.Delivery
	response delivery.Response
}

// look reads what an operation on deliveries reads.
func (m *model) look(o operation, a webhook.Account) view {
	v := view{at: m.now, account: m.accounts[a], webhooks: maps.Clone(m.webhooks[a]), list: m.latestFirst(a), response: m.respond(o)}
	list := slices.Clone(m.accepted[o.Client])
	if o.Do == "attempt" { // of what awaits one, if there is any
		slices.SortStableFunc(list, func(k, l key) int { return cmp.Compare(m.rank(k), m.rank(l)) })
	}
	if o.Target < len(list) {
		v.delivery, v.found = m.deliveries[list[len(list)-1-o.Target]]
	}
	return v
}

// rank is 1 for a delivery that awaits an attempt, and 0 for others.
func (m *model) rank(k key) int {
	if m.deliveries[k].Open() {
		return 1
	}
	return 0
}

// latestFirst lists an account's deliveries, the latest event first.
func (m *model) latestFirst(a webhook.Account) (list []webhook.Delivery) {
	for k, d := range m.deliveries {
		if k.account == a {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(d, e webhook.Delivery) int { return strings.Compare(e.ID(), d.ID()) })
	return list
}

// attempts are what must be kept: the failed ones and the latest.
func (m *model) attempts(d webhook.Delivery) []webhook.Attempt {
	list := m.failures[key{d.Account, d.ID()}]
	if d.Attempts == 0 || len(list) > 0 && list[len(list)-1].Number == d.Attempts {
		return list
	}
	return append(slices.Clone(list), webhook.Attempt{Number: d.Attempts, At: d.AttemptedAt, Duration: d.Duration, StatusCode: d.StatusCode})
}

// failing are the webhooks of an API that fail or are disabled.
func (m *model) failing(api webhook.API) (list []webhook.Webhook) {
	for a, webhooks := range m.webhooks {
		for _, w := range webhooks {
			if a.API == api && (w.Disabled || w.Statistics.FailedAttempts > 0) {
				list = append(list, w)
			}
		}
	}
	slices.SortFunc(list, bySince)
	return list
}

// deliver does o after it has read v.
func (m *model) deliver(o operation, a webhook.Account, v view) reply {
	switch o.Do {
	case "publish":
		return m.publish(o, a, v)
	case "attempt":
		return m.attempt(o, v)
	case "retry":
		return m.retry(v)
	case "recover":
		return m.recover(o, v)
	case "lease":
		d := m.deliveries[key{a, v.delivery.ID()}]
		if !v.found || d.Due.IsZero() || o.Stale > 0 {
			return reply{Error: "changed"}
		}
		d.Due, d.Sends = m.now.Add(time.Hour), d.Sends+1
		m.deliveries[key{a, d.ID()}] = d
		return reply{}
	case "leave":
		return m.leave(a)
	}
	return reply{Error: "(the model does not know this operation)"}
}

func (m *model) publish(o operation, a webhook.Account, v view) reply {
	e := m.eventOf(o, a)
	k := key{a, e.DeliveryID()}
	was, exists := m.deliveries[k]
	w := v.webhooks[e.Name]
	result := delivery.Result{Status: delivery.Accepted, Delivery: k.id}
	switch {
	case v.account.CreatedAt.IsZero():
		result = delivery.Result{Status: delivery.UnknownAccount}
	case v.account.Closing || w.ID == "":
		result = delivery.Result{Status: delivery.NoWebhook}
	case exists && was.Content != e.Content():
		result = delivery.Result{Status: delivery.Rejected}
	case exists && (!was.Held() || v.account.CreatedAt.After(was.AcceptedAt)):
		result.Status = delivery.Duplicate
	case exists && w.Disabled:
		result.Status = delivery.Held
	case exists:
		m.reopen(was, w, m.now)
	default:
		d := webhook.Delivery{
			Account: a, Event: e.Name, EventID: e.ID, Time: e.Time, Content: e.Content(), WebhookID: w.ID, URL: w.URL, AcceptedAt: m.now,
			Next: m.now, Due: m.now.Add(lease),
		}
		if w.Disabled {
			result.Status = delivery.Held
			d.Status, d.Reason, d.Next, d.Due = webhook.StatusCancelled, webhook.ReasonWebhookDisabled, time.Time{}, time.Time{}
		}
		m.deliveries[k] = d
		m.accepted[o.Client] = append(m.accepted[o.Client], k)
	}
	return reply{Published: result}
}

// reopen has d, as it was read, attempted at at, by whichever webhook has the
// event. It reports false if an attempt came between, or was asked for.
func (m *model) reopen(d webhook.Delivery, w webhook.Webhook, at time.Time) bool {
	k := key{d.Account, d.ID()}
	if existing := m.deliveries[k]; existing.Attempts != d.Attempts || !existing.Next.Equal(d.Next) {
		return false
	}
	d = d.For(w).Retried(at)
	d.Due = at.Add(lease)
	m.deliveries[k] = d
	return true
}

// attempt: what has been attempted since v was read is left as it is, unless
// this is the first success.
func (m *model) attempt(o operation, v view) reply {
	was, w, response := v.delivery, v.webhooks[v.delivery.Event], v.response
	if !v.found || !was.Open() || o.Stale > 0 || v.at.Before(was.Next.Add(-time.Second)) {
		return reply{Outcome: delivery.Dropped}
	}
	if reason := unreachable(v, was); reason != "" {
		return m.end(was, was.Cancelled(reason))
	}
	if was.Attempts > 0 && v.at.After(was.AcceptedAt.Add(retained)) {
		return m.end(was, was.GivenUp("given up after 6 days"))
	}
	gone := response.Status == 410 && m.disable(w)
	now := was.Attempted(v.at, response.Status, response.Reason, m.next(delays[o.api()], was, response, gone))
	now.Duration = max(m.now.Sub(v.at), time.Millisecond)
	if !now.Next.IsZero() && now.Next.Sub(m.now) <= delivery.MaxDelay {
		now.Due = now.Next.Add(lease)
	}
	existing := m.deliveries[key{was.Account, was.ID()}]
	switch moved := existing.Attempts != was.Attempts; {
	case response.Reason == "" && (!moved || existing.Status != webhook.StatusDelivered):
		now.Attempts = existing.Attempts + 1
		m.note(existing, now, "", w)
	case response.Reason != "" && !moved:
		m.note(existing, now, response.Body, w)
	}
	switch {
	case gone:
		return reply{Outcome: delivery.Disabled}
	case response.Reason != "":
		return reply{Outcome: delivery.Failed}
	}
	current := m.webhooks[w.Account][w.Event]
	if m.now.Sub(v.at) < quick && current.ID == w.ID && current.Version == w.Version && current.SlowSince.Equal(w.SlowSince) {
		current.SlowSince = time.Time{}
		m.put(w.Account, []webhook.Webhook{current})
	}
	return reply{Outcome: delivery.Delivered}
}

// unreachable says why d cannot be attempted; "" if it can.
func unreachable(v view, d webhook.Delivery) string {
	w := v.webhooks[d.Event]
	switch {
	case v.account.CreatedAt.IsZero() || v.account.Closing || v.account.CreatedAt.After(d.AcceptedAt):
		return webhook.ReasonAccountDeleted
	case w.ID != d.WebhookID:
		return "cancelled: the webhook was deleted or moved"
	case w.Disabled:
		return webhook.ReasonWebhookDisabled
	}
	return ""
}

// end records that no attempt is to come, unless one was made or asked for
// meanwhile.
func (m *model) end(was, now webhook.Delivery) reply {
	k := key{was.Account, was.ID()}
	if existing := m.deliveries[k]; existing.Attempts != was.Attempts || !existing.Next.Equal(was.Next) {
		return reply{Outcome: delivery.Dropped}
	}
	m.deliveries[k] = now
	return reply{Outcome: delivery.Cancelled}
}

// next is when the attempt after this one is made.
func (m *model) next(waits []time.Duration, d webhook.Delivery, response delivery.Response, gone bool) time.Time {
	if response.Reason == "" || gone || d.Attempts >= int64(len(waits)) {
		return time.Time{}
	}
	at := m.now.Add(waits[d.Attempts])
	if at.After(d.AcceptedAt.Add(retained)) {
		return time.Time{}
	}
	return at
}

// disable disables a webhook that was not changed since it was read, with all
// that share its id. It reports whether the webhook is disabled.
func (m *model) disable(read webhook.Webhook) bool {
	current := m.webhooks[read.Account][read.Event]
	if current.ID != read.ID || current.Version != read.Version {
		return current.ID == read.ID && current.Disabled
	}
	records := m.find(read.Account, read.ID)
	for i := range records {
		records[i].Disabled, records[i].DisabledReason, records[i].DisabledAt = true, delivery.ReasonGone, m.now
		records[i].Version++
	}
	m.put(read.Account, records)
	return true
}

// note records an attempt, and what it says about the webhook w, as that was
// when the attempt began.
func (m *model) note(was, now webhook.Delivery, response string, w webhook.Webhook) {
	k := key{was.Account, was.ID()}
	now.WebhookID, now.URL = was.WebhookID, was.URL
	m.deliveries[k] = now
	if now.Reason != "" {
		m.failures[k] = append(m.failures[k], webhook.Attempt{
			Number: now.Attempts, At: now.AttemptedAt, Duration: now.Duration, StatusCode: now.StatusCode, Reason: now.Reason, Response: []byte(response),
		})
	}
	current := m.webhooks[was.Account][was.Event]
	if current.ID == w.ID && isNoted(w.Statistics, now) {
		current.Statistics = count(current.Statistics, now)
		m.put(was.Account, []webhook.Webhook{current})
	}
}

// isNoted reports whether an attempt changes statistics that were as given when
// it began: every failure and a success a second where they are shown, a failure
// a minute and a success an hour elsewhere, and each change between the two.
func isNoted(was webhook.Statistics, d webhook.Delivery) bool {
	shown := !strings.HasPrefix(string(d.Account.API), batch.String())
	switch failed := d.Reason != ""; {
	case failed:
		return shown || was.FailedAttempts == 0 || d.AttemptedAt.Sub(was.LastFailedAt) >= time.Minute
	case shown:
		return was.FailedAttempts > 0 || d.AttemptedAt.Sub(was.LastSentAt) >= time.Second
	}
	return was.FailedAttempts > 0 || d.AttemptedAt.Sub(was.LastSentAt) >= time.Hour
}

// count gives statistics after an attempt.
func count(s webhook.Statistics, d webhook.Delivery) webhook.Statistics {
	s.LastStatus = d.StatusCode
	if d.Reason != "" {
		if s.FailedAttempts++; s.FailedAttempts == 1 {
			s.Since = d.AttemptedAt
		}
		s.LastFailedAt = d.AttemptedAt
		return s
	}
	if s.FailedAttempts > 0 || s.Since.IsZero() {
		s.Since = d.AttemptedAt
	}
	s.FailedAttempts, s.LastSentAt = 0, d.AttemptedAt
	return s
}

func (m *model) retry(v view) reply {
	if !v.found {
		return reply{Error: "not found"}
	}
	d, w := v.delivery, v.webhooks[v.delivery.Event]
	if w.ID != "" {
		d = d.For(w)
	}
	if v.at.After(d.AcceptedAt.Add(retained)) || unreachable(v, d) != "" {
		return reply{Error: "invalid"}
	}
	if !m.reopen(d, w, v.at) {
		return reply{Error: "changed"}
	}
	return reply{Deliveries: []webhook.Delivery{m.deliveries[key{d.Account, d.ID()}]}}
}

// recover reopens what failed or was cancelled, and not attempted since.
func (m *model) recover(o operation, v view) reply {
	if v.account.CreatedAt.IsZero() || v.account.Closing {
		return reply{Error: "not found"}
	}
	q := m.recovery(o)
	q.From, q.AsOf = v.at.Add(-o.Ago), v.at.Add(-o.AsOf)
	done := delivery.Recovered{AsOf: q.AsOf}
	var found []webhook.Delivery
	for i, d := range v.list {
		w := v.webhooks[d.Event]
		ended := d.Status == webhook.StatusFailed || d.Status == webhook.StatusCancelled
		switch {
		case d.Time.Before(q.From):
		case !ended || w.ID == "" || w.Disabled || q.Event != "" && q.Event != d.Event:
		case d.AcceptedAt.Before(v.account.CreatedAt) || !d.AttemptedAt.Before(q.AsOf.Add(-time.Second)):
		case v.at.After(d.AcceptedAt.Add(retained)):
			done.Expired++
		default:
			found = append(found, d)
		}
		rest := i < len(v.list)-1 && !v.list[i+1].Time.Before(q.From)
		if len(found) == q.Limit && rest {
			done.Next = strconv.FormatInt(q.AsOf.UnixMilli(), 10) + "." + d.ID()
			break
		}
	}
	for _, d := range found {
		if m.reopen(d, v.webhooks[d.Event], v.at) {
			done.Resent++
		}
	}
	return reply{Recovered: done}
}

// leave deletes an account with all that belongs to it.
func (m *model) leave(a webhook.Account) reply {
	if _, found := m.accounts[a]; !found {
		return reply{Error: "not found"}
	}
	delete(m.accounts, a)
	delete(m.webhooks, a)
	for _, t := range m.tokensOf(a) {
		delete(m.tokens, t.Hash)
	}
	for _, d := range m.latestFirst(a) {
		if d.Open() {
			m.deliveries[key{a, d.ID()}] = d.Cancelled(webhook.ReasonAccountDeleted)
		}
	}
	return reply{}
}
