package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/webhook"
)

// deletionPoll is how often a deletion in the background is looked at.
const deletionPoll = 2 * time.Second

// apiBackend works on a server through the operator's API.
type apiBackend struct {
	p      *program
	client *client.Client
	url    string // of the APIs
}

// openAPI prepares requests to the server or stack that the flags name.
func (p *program) openAPI(ctx context.Context) (backend, error) {
	cfg := client.Config{URL: p.flags.URL}
	switch {
	case p.flags.Stack != "" || p.flags.SigV4:
		aws, err := p.aws(ctx)
		if err != nil {
			return nil, err
		}
		cfg.Credentials, cfg.Region = aws.Credentials, aws.Region
		if p.flags.Stack != "" {
			found, err := findStack(ctx, aws, p.flags.Stack)
			if err != nil {
				return nil, err
			}
			cfg.URL, cfg.Region = found.url, found.region
		}
	default:
		if cfg.Token = p.getenv("HOOKLINE_TOKEN"); cfg.Token == "" {
			return nil, usageErrorf("--url: set HOOKLINE_TOKEN to a token of the operator's, or give --sigv4 to sign with AWS credentials")
		}
	}
	cfg.URL = strings.TrimSuffix(strings.TrimSuffix(cfg.URL, "/"), operator.Prefix)
	c, err := client.New(cfg)
	if err != nil {
		return nil, usageErrorf("--url: %s", strings.TrimPrefix(err.Error(), "client: "))
	}
	return apiBackend{p, c, cfg.URL}, nil
}

// Close does nothing: connections end with the program.
func (apiBackend) Close() error { return nil }

// translated returns the error of a call as a backend's.
func translated(err error) error {
	refused, answered := errors.AsType[*client.Error](err)
	switch {
	case !answered:
		return err
	case refused.Code == "not_found":
		return fmt.Errorf("%w: %w", webhook.ErrNotFound, err)
	case refused.Status == http.StatusUnauthorized:
		return fmt.Errorf("%w; is HOOKLINE_TOKEN a valid token of the operator's?", err)
	case refused.Status == http.StatusForbidden && refused.Code != "":
		return fmt.Errorf("%w; make a token with: hookline token create --operator --rights publish,read,write", err)
	case refused.Status == http.StatusForbidden:
		return fmt.Errorf("%w; the AWS credentials need execute-api:Invoke on this route", err)
	case refused.Status == http.StatusConflict:
		return errors.New(cmp.Or(refused.Message, err.Error()))
	}
	return err
}

// refusedAsClosing reports whether an account is refused because it is being deleted.
func refusedAsClosing(err error) bool {
	refused, answered := errors.AsType[*client.Error](err)
	return answered && refused.Code == "account_closing"
}

// possibleID is what ids look like. What does not, and may not stand in a path,
// is not asked for.
var possibleID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// checkID returns [webhook.ErrNotFound] for what is no id.
func checkID(id string) error {
	if !possibleID.MatchString(id) {
		return fmt.Errorf("id %q: %w", id, webhook.ErrNotFound)
	}
	return nil
}

// collect returns the elements of a list.
func collect[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for element, err := range list {
		if err != nil {
			return nil, err
		}
		all = append(all, element)
	}
	return all, nil
}

func fromAccount(a client.Account) accountResult {
	return accountResult{a.Account, a.CreatedAt, a.Closing}
}

func (b apiBackend) Account(ctx context.Context, a webhook.Account) (accountResult, error) {
	info, err := b.client.Account(ctx, a.String())
	return fromAccount(info), translated(err)
}

func (b apiBackend) Accounts(ctx context.Context, name webhook.API) ([]accountResult, error) {
	list, err := collect(b.client.Accounts(ctx, string(name)))
	return convert(list, fromAccount), translated(err)
}

// CreateAccount asks first: the API creates an account unless it exists. Of two
// calls at once both may say that they created it.
func (b apiBackend) CreateAccount(ctx context.Context, a webhook.Account) (accountResult, error) {
	switch info, err := b.Account(ctx, a); {
	case err == nil:
		return info, webhook.ErrExists
	case !errors.Is(err, webhook.ErrNotFound):
		return accountResult{}, err
	}
	info, err := b.client.CreateAccount(ctx, a.String())
	if refusedAsClosing(err) {
		return accountResult{}, webhook.ErrExists
	}
	return fromAccount(info), translated(err)
}

func (b apiBackend) CloseAccount(ctx context.Context, a webhook.Account) (accountResult, error) {
	info, err := b.Account(ctx, a)
	if err == nil {
		err = translated(b.client.DeleteAccount(ctx, a.String()))
	}
	info.Closing = true
	return info, err
}

// DeleteAccount has the account deleted, and waits until it is gone. What it
// counts is what there was before; how many deliveries are cancelled is not
// known.
func (b apiBackend) DeleteAccount(ctx context.Context, a webhook.Account) (deletionResult, error) {
	tokens, err := b.Tokens(ctx, a)
	if err != nil {
		return deletionResult{}, err
	}
	webhooks, err := b.Webhooks(ctx, a)
	if err != nil {
		return deletionResult{}, err
	}
	closed, err := b.CloseAccount(ctx, a)
	if err != nil {
		return deletionResult{}, err
	}
	err = b.p.waitUntil(ctx, deletionPoll, func() (bool, error) {
		info, err := b.Account(ctx, a)
		if errors.Is(err, webhook.ErrNotFound) {
			return true, nil
		}
		return err == nil && !info.Created.Equal(closed.Created), err // a new one of that name
	})
	return deletionResult{Deleted: a.String(), Tokens: len(tokens), Webhooks: len(webhooks)}, err
}

func fromToken(a webhook.Account) func(client.Token) tokenResult {
	return func(t client.Token) tokenResult {
		return tokenResult{ID: t.ID, Account: a.String(), Rights: t.Rights, Created: t.CreatedAt, Expires: t.ExpiresAt}
	}
}

func (b apiBackend) CreateToken(ctx context.Context, a webhook.Account, granted webhook.Rights, expires time.Duration) (tokenResult, error) {
	t, err := b.client.CreateToken(ctx, a.String(), client.TokenRequest{Rights: strings.Split(granted.String(), ","), ExpiresIn: expires})
	if refusedAsClosing(err) {
		return tokenResult{}, webhook.ErrNotFound
	}
	result := fromToken(a)(t.Token)
	result.Token = t.Secret
	return result, translated(err)
}

func (b apiBackend) Tokens(ctx context.Context, a webhook.Account) ([]tokenResult, error) {
	list, err := b.client.Tokens(ctx, a.String())
	return convert(list, fromToken(a)), translated(err)
}

func (b apiBackend) RevokeToken(ctx context.Context, a webhook.Account, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	return translated(b.client.RevokeToken(ctx, a.String(), id))
}

// fromWebhook returns a webhook's records, one for each event. The API knows
// them as one, and does not tell their versions, retired keys and whether a
// whole payload is sent.
func fromWebhook(w client.Webhook) []webhookDetails {
	var records []webhookDetails
	for _, event := range w.Events {
		records = append(records, webhookDetails{
			webhookResult: webhookResult{
				ID: w.ID, Account: w.Account, Event: event, URL: w.URL, Enabled: w.State != webhook.StateDisabled.String(), Created: w.CreatedAt,
				State: w.State, StateSince: w.StateSince, LastStatus: w.LastStatus,
			},
			DisabledReason: w.DisabledReason, Updated: w.UpdatedAt, LastSent: w.LastSuccessAt, LastFailed: w.LastFailureAt,
			FailedAttempts: int64(w.FailedAttempts),
		})
	}
	return records
}

func (b apiBackend) Webhooks(ctx context.Context, a webhook.Account) ([]webhookDetails, error) {
	list, err := b.client.Webhooks(ctx, a.String())
	return slices.Concat(convert(list, fromWebhook)...), translated(err)
}

func (b apiBackend) Failing(ctx context.Context, name webhook.API) ([]webhookDetails, error) {
	list, err := collect(b.client.Failing(ctx, string(name)))
	return slices.Concat(convert(list, fromWebhook)...), translated(err)
}

func (b apiBackend) SetEnabled(ctx context.Context, a webhook.Account, id string, enabled bool) ([]webhookDetails, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	set := b.client.DisableWebhook
	if enabled {
		set = b.client.EnableWebhook
	}
	w, err := set(ctx, a.String(), id)
	return fromWebhook(w), translated(err)
}

func (b apiBackend) DeleteWebhook(ctx context.Context, a webhook.Account, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	return translated(b.client.DeleteWebhook(ctx, a.String(), id))
}

// Test makes another test each time. If its response is lost, one may be made.
func (b apiBackend) Test(ctx context.Context, a webhook.Account, id, event string) (string, error) {
	if err := checkID(id); err != nil {
		return "", err
	}
	made, err := b.client.TestWebhook(ctx, a.String(), id, event)
	refused, answered := errors.AsType[*client.Error](err)
	switch {
	case answered && refused.Field == "event":
		return "", fmt.Errorf("%w: %w", webhook.ErrInvalid, err)
	case answered && refused.Code == "conflict":
		return "", fmt.Errorf("%w: %w", webhook.ErrDisabled, err)
	case refusedAsClosing(err):
		return "", fmt.Errorf("%w: %w", webhook.ErrNotFound, err)
	}
	return made, translated(err)
}

// Publish publishes an event. If its response is lost, and the event has no id,
// it is not known whether it was stored. A payload that would make the whole
// request no JSON is refused here.
func (b apiBackend) Publish(ctx context.Context, e client.Event) (delivery.Result, error) {
	if err := api.CheckPayload(e.Payload); err != nil {
		return delivery.Result{Status: delivery.Rejected, Reason: err.Error()}, nil //nolint:nilerr // it is the result
	}
	results, err := b.client.Publish(ctx, []client.Event{e})
	if err != nil {
		return delivery.Result{}, translated(err)
	}
	return delivery.Result{Status: delivery.PublishStatus(results[0].Status), Delivery: results[0].Delivery, Reason: results[0].Error}, nil
}

func fromDelivery(d client.Delivery) deliveryResult {
	return deliveryResult{
		ID: d.ID, Account: d.Account, Event: d.Event, Time: d.Time, Status: d.Status, Attempts: int64(d.AttemptCount),
		Last: d.LastAttemptAt, Code: d.LastStatus, Reason: d.Reason, Next: d.NextAttemptAt, Webhook: d.WebhookID, URL: d.URL, Test: d.Test,
	}
}

func (b apiBackend) Deliveries(ctx context.Context, a webhook.Account, f client.DeliveryFilter, yield func(deliveryResult) bool) error {
	for d, err := range b.client.Deliveries(ctx, a.String(), f) {
		if err != nil {
			return translated(err)
		}
		if !yield(fromDelivery(d)) {
			return nil
		}
	}
	return nil
}

func (b apiBackend) Delivery(ctx context.Context, a webhook.Account, id string) (deliveryDetails, error) {
	if err := checkID(id); err != nil {
		return deliveryDetails{}, err
	}
	d, err := b.client.Delivery(ctx, a.String(), id)
	details := deliveryDetails{
		deliveryResult: fromDelivery(d.Delivery), EventID: d.EventID, Instance: d.Instance, Accepted: d.AcceptedAt, Payload: []byte(d.Payload),
	}
	if string(d.Payload) == "null" {
		details.Payload = nil
	}
	for _, at := range d.Attempts {
		details.Log = append(details.Log, attemptResult{
			Number: int64(at.Number), At: at.At, Duration: at.DurationMS, Code: at.Status, Reason: at.Reason, Response: at.Response,
		})
	}
	return details, translated(err)
}

// Retry takes it for a success if an attempt is due already.
func (b apiBackend) Retry(ctx context.Context, a webhook.Account, id string) (deliveryResult, error) {
	if err := checkID(id); err != nil {
		return deliveryResult{}, err
	}
	d, err := b.client.RetryDelivery(ctx, a.String(), id)
	if errors.Is(err, client.ErrConflict) {
		found, findErr := b.client.Delivery(ctx, a.String(), id)
		if findErr == nil && found.NextAttemptAt != nil && !found.NextAttemptAt.After(b.p.now()) {
			return fromDelivery(found.Delivery), nil
		}
	}
	return fromDelivery(d), translated(err)
}

func (b apiBackend) Recover(ctx context.Context, a webhook.Account, q client.Recovery) (client.Recovered, error) {
	done, err := b.client.Recover(ctx, a.String(), q)
	return done, translated(err)
}
