package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// The tables' names in events/env.json.
const (
	webhooksTable   = "hookline-local-webhooks"
	deliveriesTable = "hookline-local-deliveries"
)

// account is an account of an API, and a token of it.
type account struct {
	webhook.Account
	token webhook.Secret
}

// prepare makes both tables unless they are there, and of each API its demo
// account with a new token.
func prepare(ctx context.Context, endpoint string, now time.Time) ([]account, error) {
	client, err := dynamo.NewClient(dynamo.ClientConfig{
		Region: "eu-central-1", Endpoint: endpoint,
		Credentials: dynamo.StaticCredentials{AccessKeyID: "local", SecretAccessKey: webhook.NewSecret("local")},
	})
	if err != nil {
		return nil, err
	}
	config := dynamo.Config{
		Client: client, Table: webhooksTable, Deliveries: deliveriesTable, TryTimeout: 10 * time.Second,
	}
	store, err := dynamo.New(config)
	if err != nil {
		return nil, err
	}
	if err := dynamo.CreateTable(ctx, config); err != nil {
		return nil, fmt.Errorf("make the tables at %s: %w", endpoint, err)
	}
	keys := keygen.New(rand.Reader, time.Now)
	created := now.UTC().Truncate(time.Millisecond)
	var accounts []account
	for _, api := range all.APIs() {
		demo, err := api.DemoAccount()
		if err != nil {
			return nil, err
		}
		a := account{Account: demo}
		err = store.CreateAccount(ctx, webhook.AccountInfo{Account: a.Account, CreatedAt: created})
		if err != nil && !errors.Is(err, webhook.ErrExists) {
			return nil, err
		}
		if a.token, err = keys.Token(); err != nil {
			return nil, err
		}
		id, err := keys.UUID()
		if err != nil {
			return nil, err
		}
		err = store.CreateToken(ctx, webhook.Token{
			ID: id, Account: a.Account, Hash: webhook.HashToken(a.token.Reveal()), Rights: webhook.AllRights, CreatedAt: created,
		})
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, a)
	}
	return accounts, nil
}
