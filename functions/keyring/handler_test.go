package main

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/cfn"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/webhook"
)

// stack is a handler with all that it works with.
type stack struct {
	*handler
	store *faultyStore
	kms   *generator
	log   bytes.Buffer
}

func newStack(t *testing.T) *stack {
	s := &stack{store: &faultyStore{keyStore: memory.Open(t)}, kms: &generator{}}
	s.handler = &handler{
		store: s.store, generator: s.kms, log: slog.New(slog.NewJSONHandler(&s.log, nil)),
		now: time.Now, jitter: func(d time.Duration) time.Duration { return d },
	}
	return s
}

// faultyStore is a store that can be told to fail.
type faultyStore struct {
	keyStore
	list, add error
}

func (s *faultyStore) SealingKeys(ctx context.Context) ([]webhook.SealingKey, error) {
	if s.list != nil {
		return nil, s.list
	}
	return s.keyStore.SealingKeys(ctx)
}

func (s *faultyStore) AddSealingKey(ctx context.Context, k webhook.SealingKey) (webhook.SealingKey, error) {
	if s.add != nil {
		return webhook.SealingKey{}, s.add
	}
	return s.keyStore.AddSealingKey(ctx, k)
}

// generator makes real key pairs and forgets the private halves.
type generator struct {
	mu   sync.Mutex
	made []string
	fail error
	// before is called before a key is made.
	before func()
}

func (g *generator) Generate(ctx context.Context, id string) (webhook.SealingKey, error) {
	if g.before != nil {
		g.before()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return webhook.SealingKey{}, err
	}
	if g.fail != nil {
		return webhook.SealingKey{}, g.fail
	}
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return webhook.SealingKey{}, err
	}
	g.made = append(g.made, id)
	return webhook.SealingKey{ID: id, Public: private.PublicKey().Bytes(), WrappedPrivate: []byte("wrapped"), CreatedAt: time.Unix(1, 0)}, nil
}

// attributes are what CloudFormation's !GetAtt gives.
type attributes struct{ keyID, publicKey string }

func (s *stack) ask(t *testing.T, kind cfn.RequestType, version any) (attributes, error) {
	t.Helper()
	id, data, err := s.Handle(t.Context(), cfn.Event{
		RequestType: kind, RequestID: "r1", PhysicalResourceID: physicalID,
		ResourceProperties: map[string]any{"ServiceToken": "arn:x", versionProperty: version},
	})
	if id != physicalID {
		t.Errorf("physical id %q, want %q", id, physicalID)
	}
	if err != nil {
		if data != nil {
			t.Errorf("a failure has data %v", data)
		}
		return attributes{}, err
	}
	got := attributes{fmt.Sprint(data["KeyId"]), fmt.Sprint(data["PublicKey"])}
	point, err := base64.StdEncoding.DecodeString(got.publicKey)
	if err != nil || len(data) != 2 {
		t.Errorf("attributes %v: %v", data, err)
	}
	if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		t.Errorf("PublicKey %q: %v", got.publicKey, err)
	}
	return got, nil
}

func (s *stack) mustAsk(t *testing.T, kind cfn.RequestType, version any) attributes {
	t.Helper()
	got, err := s.ask(t, kind, version)
	if err != nil {
		t.Fatalf("%s of version %v: %v", kind, version, err)
	}
	return got
}

func TestSameVersionIsSameKey(t *testing.T) {
	s := newStack(t)
	first := s.mustAsk(t, cfn.RequestCreate, "1")
	if first.keyID != "v1" {
		t.Errorf("KeyId %q, want v1", first.keyID)
	}
	for name, kind := range map[string]cfn.RequestType{"retried event": cfn.RequestCreate, "update": cfn.RequestUpdate} {
		if got := s.mustAsk(t, kind, "1"); got != first {
			t.Errorf("%s: %v, want %v", name, got, first)
		}
	}
	// A template may have a number where CloudFormation sends a string.
	if got := s.mustAsk(t, cfn.RequestUpdate, 1.0); got != first {
		t.Errorf("version as a number: %v, want %v", got, first)
	}
	if len(s.kms.made) != 1 {
		t.Errorf("KMS made %v, want one key", s.kms.made)
	}
}

func TestVersionGrows(t *testing.T) {
	s := newStack(t)
	v1 := s.mustAsk(t, cfn.RequestCreate, "1")
	v2 := s.mustAsk(t, cfn.RequestUpdate, "2")
	v10 := s.mustAsk(t, cfn.RequestUpdate, "10")
	if v2.keyID != "v2" || v10.keyID != "v10" || v1.publicKey == v2.publicKey || v2.publicKey == v10.publicKey {
		t.Errorf("keys %v, %v, %v, want three", v1, v2, v10)
	}
	// A failed stack update sends the old properties again.
	if got := s.mustAsk(t, cfn.RequestUpdate, "1"); got != v1 {
		t.Errorf("roll-back: %v, want %v", got, v1)
	}
	if got := s.mustAsk(t, cfn.RequestUpdate, "2"); got != v2 {
		t.Errorf("roll-back: %v, want %v", got, v2)
	}
	_, err := s.ask(t, cfn.RequestUpdate, "9")
	if err == nil || !strings.Contains(err.Error(), "give 10, or 11 for a new key") {
		t.Errorf("version 9 after 10: %v, want what to do", err)
	}
	if want := []string{"v1", "v2", "v10"}; fmt.Sprint(s.kms.made) != fmt.Sprint(want) {
		t.Errorf("KMS made %v, want %v", s.kms.made, want)
	}
}

// The second to come finds nothing stored either, makes a key, and must answer
// with the one that stands.
func TestConcurrentCreatesAgree(t *testing.T) {
	s := newStack(t)
	var both sync.WaitGroup
	both.Add(2)
	s.kms.before = func() { both.Done(); both.Wait() }
	responses := make([]attributes, 2)
	var group sync.WaitGroup
	for i := range responses {
		group.Go(func() {
			got, err := s.ask(t, cfn.RequestCreate, "1")
			if err != nil {
				t.Error(err)
			}
			responses[i] = got
		})
	}
	group.Wait()
	if len(s.kms.made) != 2 {
		t.Fatalf("KMS made %v, want two keys", s.kms.made)
	}
	stored, err := s.store.SealingKeys(t.Context())
	if err != nil || len(stored) != 1 {
		t.Fatalf("%d keys stored (%v), want one", len(stored), err)
	}
	want := attributes{"v1", base64.StdEncoding.EncodeToString(stored[0].Public)}
	if responses[0] != want || responses[1] != want {
		t.Errorf("answers %v, want %v twice", responses, want)
	}
}

func TestOtherKeysAreNoVersions(t *testing.T) {
	s := newStack(t)
	for _, id := range []string{"local-1", "v", "v01", "vx", "w7", "v9999999"} {
		if _, err := s.store.AddSealingKey(t.Context(), webhook.SealingKey{ID: id, Public: []byte(id)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.mustAsk(t, cfn.RequestCreate, "1"); got.keyID != "v1" {
		t.Errorf("KeyId %q, want v1", got.keyID)
	}
}

func TestVersionsThatAreNone(t *testing.T) {
	for _, version := range []any{"0", "-1", "+1", "01", " 1", "1 ", "1.0", "1e3", "x", "", "1000000", nil, true, 1.5, []any{"1"}, map[string]any{}} {
		s := newStack(t)
		_, err := s.ask(t, cfn.RequestCreate, version)
		if err == nil || !strings.Contains(err.Error(), versionProperty+" must be") {
			t.Errorf("version %#v: %v, want a refusal", version, err)
		}
		if len(s.kms.made) != 0 {
			t.Errorf("version %#v: KMS made %v", version, s.kms.made)
		}
	}
	s := newStack(t)
	if _, _, err := s.Handle(t.Context(), cfn.Event{RequestType: cfn.RequestCreate}); err == nil {
		t.Error("no properties: no error")
	}
	if _, err := s.ask(t, "Replace", "1"); err == nil || !strings.Contains(err.Error(), "Replace") {
		t.Errorf("unknown request type: %v, want a refusal", err)
	}
}

func TestDeleteDoesNothing(t *testing.T) {
	s := newStack(t)
	first := s.mustAsk(t, cfn.RequestCreate, "1")
	failure := errors.New("down")
	s.store.list, s.store.add, s.kms.fail = failure, failure, failure
	for _, version := range []any{"1", "garbage", nil, -5.5, []any{1}} {
		id, data, err := s.Handle(t.Context(), cfn.Event{
			RequestType: cfn.RequestDelete, PhysicalResourceID: "another",
			ResourceProperties: map[string]any{versionProperty: version},
		})
		if id != physicalID || data != nil || err != nil {
			t.Errorf("Delete of %v = %q, %v, %v", version, id, data, err)
		}
	}
	s.store.list, s.store.add, s.kms.fail = nil, nil, nil
	if got := s.mustAsk(t, cfn.RequestCreate, "1"); got != first {
		t.Errorf("after Delete: %v, want %v", got, first)
	}
}

// coded is how an AWS service's error looks.
type coded struct{ code string }

func (coded) Error() string       { return "operation error: whsec_secret" }
func (c coded) ErrorCode() string { return c.code }

func TestFailuresSayLittle(t *testing.T) {
	for name, tt := range map[string]struct {
		fail func(*stack)
		want string
	}{
		"KMS refuses":         {func(s *stack) { s.kms.fail = coded{"DisabledException"} }, "(DisabledException)"},
		"KMS's code is odd":   {func(s *stack) { s.kms.fail = coded{"whsec_secret\n"} }, "(an unexpected error)"},
		"KMS is slow":         {func(s *stack) { s.kms.fail = context.DeadlineExceeded }, "(it took too long)"},
		"store does not list": {func(s *stack) { s.store.list = errors.New("whsec_secret") }, "(an unexpected error)"},
		"store does not add":  {func(s *stack) { s.store.add = fmt.Errorf("whsec_secret: %w", webhook.ErrUnavailable) }, "(the table is unavailable)"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t)
			tt.fail(s)
			_, err := s.ask(t, cfn.RequestCreate, "1")
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret\n") || strings.Contains(err.Error(), "whsec") {
				t.Errorf("reason %v, want %q", err, tt.want)
			}
			if !strings.Contains(s.log.String(), `"level":"ERROR"`) || !strings.Contains(s.log.String(), `"error":`) {
				t.Errorf("the log does not have the cause: %s", &s.log)
			}
			s.store.list, s.store.add, s.kms.fail = nil, nil, nil
			s.mustAsk(t, cfn.RequestCreate, "1")
		})
	}
}

func TestStoredKeyMustBeUsable(t *testing.T) {
	s := newStack(t)
	if _, err := s.store.AddSealingKey(t.Context(), webhook.SealingKey{ID: "v1", Public: make([]byte, 65)}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.ask(t, cfn.RequestUpdate, "1"); err == nil {
		t.Errorf("answered %v from a key that is no point of the curve", got)
	}
}

func TestLeavesTimeToResponse(t *testing.T) {
	for _, left := range []time.Duration{time.Minute, 15 * time.Second, 2 * time.Second} {
		deadline := time.Now().Add(left)
		ctx, cancel := context.WithDeadline(t.Context(), deadline)
		defer cancel()
		short, cancelShort := leaveTime(ctx)
		defer cancelShort()
		got, _ := short.Deadline()
		if rest := deadline.Sub(got); rest > responseTime || rest < min(responseTime, left/2-time.Second/10) {
			t.Errorf("%v before the end: %v are left to answer", left, rest)
		}
	}
}
