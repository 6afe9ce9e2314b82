// Package functions_test runs the functions as they are deployed, built by
// the SAM CLI, under AWS's Lambda emulator with DynamoDB Local behind them.
package functions_test

import (
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookline/hookline/functions/internal/emulator"
	"github.com/hookline/hookline/pkg/dialect"
	"github.com/hookline/hookline/pkg/dialect/abbeycross"
	"github.com/hookline/hookline/pkg/dialect/shoptet"
	"github.com/hookline/hookline/pkg/dialect/squake"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
	"github.com/hookline/hookline/pkg/webhook"
)

// apiFunction is a function that serves an API: its folder, its name in
// template.yaml, and the API.
type apiFunction struct {
	folder, resource string
	api              dialect.API
}

func apiFunctions() []apiFunction {
	return append(registers(),
		apiFunction{"squake-manage", "SquakeManage", squake.API()},
		apiFunction{"shoptet-manage", "ShoptetManage", shoptet.API()},
		apiFunction{"abbeycross-manage", "AbbeycrossManage", abbeycross.API()},
	)
}

// registers are those of the registration endpoints.
func registers() []apiFunction {
	return []apiFunction{
		{"squake-register", "SquakeRegister", squake.API()},
		{"shoptet-register", "ShoptetRegister", shoptet.API()},
		{"abbeycross-register", "AbbeycrossRegister", abbeycross.API()},
	}
}

// delivering are the functions of no API, by their folders.
var delivering = map[string]string{"publish": "Publish", "deliver": "Deliver", "sweep": "Sweep"}

func resourceOf(tb testing.TB, folder string) string {
	tb.Helper()
	if resource := delivering[folder]; resource != "" {
		return resource
	}
	for _, f := range apiFunctions() {
		if f.folder == folder {
			return f.resource
		}
	}
	tb.Fatalf("no function is in functions/%s", folder)
	return ""
}

const sealingKeyID = "v1"

// stack is what a deployed stack has beside its functions: the tables, and a
// sealing key, whose private half a test may use.
type stack struct {
	endpoint string
	tables   dynamolocal.Tables
	store    *dynamostore.Store
	keys     *keygen.Generator
	private  *ecdh.PrivateKey
	accounts int
}

func newStack(tb testing.TB) *stack {
	tb.Helper()
	server := dynamolocal.Start(tb)
	s := &stack{
		endpoint: server.URL,
		tables:   server.NewTables(tb),
		keys:     keygen.New(rand.Reader, time.Now),
		accounts: 1000,
	}
	var err error
	if s.private, err = ecdh.P256().GenerateKey(rand.Reader); err != nil {
		tb.Fatal(err)
	}
	client := dynamolocal.Client(tb, s.endpoint)
	s.store, err = dynamostore.New(dynamostore.Config{Client: client, Table: s.tables.Webhooks, Deliveries: s.tables.Deliveries})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Private gives the sealing key's private half, as package unseal asks for it.
func (s *stack) Private(_ context.Context, keyID string) (hpke.PrivateKey, error) {
	if keyID != sealingKeyID {
		return nil, fmt.Errorf("sealing key %q: %w", keyID, webhook.ErrNotFound)
	}
	return hpke.NewDHKEMPrivateKey(s.private)
}

// environment is a function's: what Lambda, template.yaml and events/env.json
// give it.
func (s *stack) environment(tb testing.TB, resource string) map[string]string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(emulator.Root(tb), "events", "env.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var given map[string]map[string]string
	if err := json.Unmarshal(text, &given); err != nil {
		tb.Fatalf("events/env.json: %v", err)
	}
	env := map[string]string{
		"AWS_REGION":                  dynamolocal.Region,
		"AWS_ACCESS_KEY_ID":           dynamolocal.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":       "local",
		"AWS_ENDPOINT_URL_DYNAMODB":   s.endpoint,
		"HOOKLINE_WEBHOOKS_TABLE":     s.tables.Webhooks,
		"HOOKLINE_SEALING_KEY_ID":     sealingKeyID,
		"HOOKLINE_SEALING_PUBLIC_KEY": base64.StdEncoding.EncodeToString(s.private.PublicKey().Bytes()),
		"HOOKLINE_ALLOW_HTTP":         "false",
		"HOOKLINE_ALLOW_PRIVATE":      "false",
	}
	switch resource {
	case "ShoptetManage", "Publish", "Deliver", "Sweep":
		env["HOOKLINE_DELIVERIES_TABLE"] = s.tables.Deliveries
	}
	maps.Copy(env, given[resource])
	return env
}

// customer is an account with its tokens, in the clear.
type customer struct {
	account                             webhook.Account
	token, expired, readOnly, writeOnly string
}

// newCustomer adds an account. Its id suits every API.
func (s *stack) newCustomer(tb testing.TB, name webhook.Dialect) customer {
	tb.Helper()
	s.accounts++
	now := time.Now().Truncate(time.Millisecond)
	c := customer{account: webhook.Account{Dialect: name, ID: fmt.Sprint(s.accounts)}}
	// Older than the sample deliveries: an account is shown none from before.
	info := webhook.AccountInfo{Account: c.account, CreatedAt: now.AddDate(0, -1, 0)}
	if err := s.store.CreateAccount(tb.Context(), info); err != nil {
		tb.Fatal(err)
	}
	for _, t := range []struct {
		id      string
		rights  webhook.Rights
		expires time.Time
		text    *string
	}{
		{"token", webhook.AllRights, time.Time{}, &c.token},
		{"expired", webhook.AllRights, now.Add(-time.Second), &c.expired},
		{"read-only", webhook.Read, time.Time{}, &c.readOnly},
		{"write-only", webhook.Write, time.Time{}, &c.writeOnly},
	} {
		token, err := s.keys.Token()
		if err != nil {
			tb.Fatal(err)
		}
		*t.text = token.Reveal()
		record := webhook.Token{
			ID: t.id, Account: c.account, Hash: webhook.HashToken(token.Reveal()), Rights: t.rights,
			CreatedAt: now.Add(-time.Hour), ExpiresAt: t.expires,
		}
		if err := s.store.CreateToken(tb.Context(), record); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}
