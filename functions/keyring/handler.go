package main

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/cfn"

	"github.com/hookline/hookline/pkg/webhook"
)

// physicalID is the resource's physical id in every answer. It never changes,
// so CloudFormation never replaces the resource.
const physicalID = "hookline-sealing-key"

// The properties that are read: a positive integer, and the name of the table
// that the keys are in.
const (
	versionProperty = "SealingKeyVersion"
	tableProperty   = "WebhooksTable"
)

// responseTime is left before the context's deadline to send the answer: a
// function that dies silent keeps the stack waiting.
const responseTime = 3 * time.Second

// keyStore is the part of store.Store that keeps sealing keys.
type keyStore interface {
	AddSealingKey(ctx context.Context, k webhook.SealingKey) (webhook.SealingKey, error)
	SealingKeys(ctx context.Context) ([]webhook.SealingKey, error)
}

// keyGenerator makes a new key pair of that id.
type keyGenerator interface {
	Generate(ctx context.Context, keyID string) (webhook.SealingKey, error)
}

// handler answers the events of the custom resource.
type handler struct {
	store     keyStore
	generator keyGenerator
	log       *slog.Logger
	now       func() time.Time
	// jitter gives a random duration from 0 up to the one given.
	jitter func(time.Duration) time.Duration
}

// Handle is a cfn.CustomResourceFunction, for cfn.LambdaWrap. The physical id
// comes with every answer, errors included: CloudFormation would take another
// one for a replacement.
func (h *handler) Handle(ctx context.Context, event cfn.Event) (string, map[string]any, error) {
	log := h.log.With("request_type", event.RequestType, "request_id", event.RequestID)
	if event.RequestType == cfn.RequestDelete {
		log.InfoContext(ctx, "sealing keys kept")
		return physicalID, nil, nil
	}
	ctx, cancel := leaveTime(ctx)
	defer cancel()
	key, err := h.key(ctx, event, h.newGrant(log))
	if err != nil {
		log.ErrorContext(ctx, "no sealing key", "error", err)
		return physicalID, nil, reason(err)
	}
	log.InfoContext(ctx, "sealing key ready", "key_id", key.ID, "created_at", key.CreatedAt)
	return physicalID, map[string]any{
		"KeyId":     key.ID,
		"PublicKey": base64.StdEncoding.EncodeToString(key.Public),
	}, nil
}

// leaveTime ends ctx in time for an answer, or half-way if there is less.
func leaveTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(responseTime, time.Until(deadline)/2)))
}

// key finds the key of the version asked for, or makes it.
func (h *handler) key(ctx context.Context, event cfn.Event, rights *grant) (webhook.SealingKey, error) {
	if event.RequestType != cfn.RequestCreate && event.RequestType != cfn.RequestUpdate {
		return webhook.SealingKey{}, Error(fmt.Sprintf("request type %.20q is none of Create, Update, Delete", event.RequestType))
	}
	version, err := parseVersion(event.ResourceProperties)
	if err != nil {
		return webhook.SealingKey{}, err
	}
	id := keyID(version)
	var stored []webhook.SealingKey
	err = rights.await(ctx, "list sealing keys", func(ctx context.Context) (err error) {
		stored, err = h.store.SealingKeys(ctx)
		return err
	})
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("list sealing keys: %w", err)
	}
	if len(stored) == 0 {
		if err := checkMove(event); err != nil {
			return webhook.SealingKey{}, err
		}
	}
	highest := 0
	for _, k := range stored {
		if k.ID == id {
			// Also when there are higher ones: this is how the roll-back of a
			// failed stack update asks for the former key.
			return checked(k)
		}
		if v, ok := versionOf(k.ID); ok {
			highest = max(highest, v)
		}
	}
	if version < highest {
		return webhook.SealingKey{}, Error(fmt.Sprintf(
			"%s %d has no key and is lower than %d, the highest that has one; give %d, or %d for a new key",
			versionProperty, version, highest, highest, highest+1))
	}
	return h.create(ctx, id, rights)
}

// create makes a key and stores it, unless another one was stored meanwhile.
func (h *handler) create(ctx context.Context, id string, rights *grant) (webhook.SealingKey, error) {
	var made, existing webhook.SealingKey
	err := rights.await(ctx, "make sealing key", func(ctx context.Context) (err error) {
		made, err = h.generator.Generate(ctx, id)
		return err
	})
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("make sealing key %q: %w", id, err)
	}
	err = rights.await(ctx, "store sealing key", func(ctx context.Context) (err error) {
		existing, err = h.store.AddSealingKey(ctx, made)
		return err
	})
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("store sealing key %q: %w", id, err)
	}
	return checked(existing)
}

// checkMove refuses an update that moves the stack to another table. It is
// asked only when the table that the stack now has holds no sealing key.
//
// The roll-back of such an update is an update too, with the properties
// exchanged; it finds the keys of the former table and never comes here.
// CloudFormation sends the former properties with every update. Where they lack
// the table, or the new ones do, nothing says that it is another one.
func checkMove(event cfn.Event) error {
	from, _ := event.OldResourceProperties[tableProperty].(string)
	to, _ := event.ResourceProperties[tableProperty].(string)
	if event.RequestType != cfn.RequestUpdate || from == "" || to == "" || from == to {
		return nil
	}
	return Error(fmt.Sprintf(
		"table %.255q holds no sealing key, so no webhook of this stack is in it; the stack stays on %.255q. "+
			"Give ExistingWebhooksTable the name of the table that is meant, or the value that it had. "+
			"To begin with an empty table, deploy another stack",
		to, from))
}

// checked refuses a stored key that nothing can be sealed to, before every
// function is given it.
func checked(k webhook.SealingKey) (webhook.SealingKey, error) {
	if _, err := ecdh.P256().NewPublicKey(k.Public); err != nil {
		return webhook.SealingKey{}, fmt.Errorf("sealing key %q as stored: %w", k.ID, err)
	}
	return k, nil
}

// versionPattern leaves each version one way to be written, and room for the
// words "highest plus one" to stay true.
var versionPattern = regexp.MustCompile(`^[1-9][0-9]{0,5}$`)

// parseVersion reads the property, which CloudFormation sends as a string
// even where the template has a number.
func parseVersion(properties map[string]any) (int, error) {
	value, ok := properties[versionProperty]
	text := fmt.Sprint(value)
	if !ok || !versionPattern.MatchString(text) {
		return 0, Error(versionProperty + " must be a whole number from 1 to 999999, such as 1")
	}
	return strconv.Atoi(text)
}

func keyID(version int) string { return "v" + strconv.Itoa(version) }

// versionOf reads back what keyID wrote. Keys of other names are left alone.
func versionOf(id string) (int, bool) {
	if len(id) < 2 || id[0] != 'v' || !versionPattern.MatchString(id[1:]) {
		return 0, false
	}
	version, err := strconv.Atoi(id[1:])
	return version, err == nil
}

// Error is a failure whose text is for whoever deploys the stack.
type Error string

func (r Error) Error() string { return string(r) }

// reason is what the stack's events show of err. Of failures inside it gives
// the kind and nothing of their text.
func reason(err error) error {
	if r, ok := errors.AsType[Error](err); ok {
		return r
	}
	return fmt.Errorf("the sealing key could not be made or read (%s); the keyring function's log says more", kind(err))
}

// apiError is how the AWS SDK shows a service's error code.
type apiError interface {
	error
	ErrorCode() string
}

// errorCode is the service's code for err, or "".
func errorCode(err error) string {
	if api, ok := errors.AsType[apiError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func kind(err error) string {
	code := errorCode(err)
	switch {
	case codePattern.MatchString(code):
		return code
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long"
	case errors.Is(err, webhook.ErrUnavailable):
		return "the table is unavailable"
	default:
		return "an unexpected error"
	}
}

// codePattern is what AWS error codes look like.
var codePattern = regexp.MustCompile(`^[A-Za-z.]{1,64}$`)
