// Package keyring answers CloudFormation for the custom resource that makes a
// stack's sealing key. It guarantees that one version is one key, whatever is
// repeated, retried, rolled back or done twice at once, since it answers only
// from what the store holds; and that deleting the resource deletes nothing,
// since keys live as long as the records that they open.
//
// The property that it reads is SealingKeyVersion; the resource may have others,
// such as the table's name, for whose changes it is asked again. Its attributes
// are KeyId and PublicKey (standard base64 of the 65-byte point). A failure's
// reason is short and made of the package's own words; the cause goes to the log.
package keyring

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

// PhysicalID is the resource's physical id in every answer. It never changes,
// so CloudFormation never replaces the resource.
const PhysicalID = "hookline-sealing-key"

// versionProperty is the property that is read, a positive integer.
const versionProperty = "SealingKeyVersion"

// answerTime is left before the context's deadline to send the answer: a
// function that dies silent keeps the stack waiting.
const answerTime = 3 * time.Second

// Store is the part of store.Store that keeps sealing keys.
type Store interface {
	AddSealingKey(ctx context.Context, k webhook.SealingKey) (webhook.SealingKey, error)
	SealingKeys(ctx context.Context) ([]webhook.SealingKey, error)
}

// Generator makes a new key pair of that id.
type Generator interface {
	Generate(ctx context.Context, keyID string) (webhook.SealingKey, error)
}

// Handler answers the events of the custom resource.
type Handler struct {
	store     Store
	generator Generator
	log       *slog.Logger
}

// New makes a handler.
func New(store Store, generator Generator, log *slog.Logger) *Handler {
	return &Handler{store: store, generator: generator, log: log}
}

// Handle is a cfn.CustomResourceFunction, for cfn.LambdaWrap. The physical id
// comes with every answer, errors included: CloudFormation would take another
// one for a replacement.
func (h *Handler) Handle(ctx context.Context, event cfn.Event) (string, map[string]any, error) {
	log := h.log.With("request_type", event.RequestType, "request_id", event.RequestID)
	if event.RequestType == cfn.RequestDelete {
		log.InfoContext(ctx, "sealing keys stay")
		return PhysicalID, nil, nil
	}
	ctx, cancel := leaveTime(ctx)
	defer cancel()
	key, err := h.key(ctx, event)
	if err != nil {
		log.ErrorContext(ctx, "no sealing key", "error", err)
		return PhysicalID, nil, reason(err)
	}
	log.InfoContext(ctx, "sealing key stands", "key_id", key.ID, "created_at", key.CreatedAt)
	return PhysicalID, map[string]any{
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
	return context.WithDeadline(ctx, deadline.Add(-min(answerTime, time.Until(deadline)/2)))
}

// key finds the key of the version asked for, or makes it.
func (h *Handler) key(ctx context.Context, event cfn.Event) (webhook.SealingKey, error) {
	if event.RequestType != cfn.RequestCreate && event.RequestType != cfn.RequestUpdate {
		return webhook.SealingKey{}, refusal(fmt.Sprintf("request type %.20q is none of Create, Update, Delete", event.RequestType))
	}
	version, err := parseVersion(event.ResourceProperties)
	if err != nil {
		return webhook.SealingKey{}, err
	}
	id := keyID(version)
	stored, err := h.store.SealingKeys(ctx)
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("list sealing keys: %w", err)
	}
	highest := 0
	for _, k := range stored {
		if k.ID == id {
			// Also when higher ones stand: this is how the roll-back of a
			// failed stack update asks for the former key.
			return checked(k)
		}
		if v, ok := versionOf(k.ID); ok {
			highest = max(highest, v)
		}
	}
	if version < highest {
		return webhook.SealingKey{}, refusal(fmt.Sprintf(
			"%s %d has no key and is lower than %d, the highest that has one; give %d, or %d for a new key",
			versionProperty, version, highest, highest, highest+1))
	}
	made, err := h.generator.Generate(ctx, id)
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("make sealing key %q: %w", id, err)
	}
	stands, err := h.store.AddSealingKey(ctx, made)
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("keep sealing key %q: %w", id, err)
	}
	return checked(stands)
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
		return 0, refusal(versionProperty + " must be a whole number from 1 to 999999, such as 1")
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

// refusal is a failure whose text is for whoever deploys the stack.
type refusal string

func (r refusal) Error() string { return string(r) }

// reason is what the stack's events show of err. Of failures inside it gives
// the kind and nothing of their text.
func reason(err error) error {
	if r, ok := errors.AsType[refusal](err); ok {
		return r
	}
	return fmt.Errorf("the sealing key could not be made or read (%s); the keyring function's log says more", kind(err))
}

// apiError is how the AWS SDK shows a service's error code.
type apiError interface {
	error
	ErrorCode() string
}

func kind(err error) string {
	api, ok := errors.AsType[apiError](err)
	switch {
	case ok && codePattern.MatchString(api.ErrorCode()):
		return api.ErrorCode()
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
