package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/hookline/hookline/pkg/client"
)

// A backend signs a customer up and publishes an event for it, whose webhook is
// yet to be registered.
func Example() {
	url, token, stop := exampleServer()

	hookline, err := client.New(client.Config{URL: url, Token: token})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	account, err := hookline.CreateAccount(ctx, "squake:acme")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := hookline.CreateToken(ctx, account.Account, client.TokenRequest{}); err != nil {
		log.Fatal(err)
	}
	results, err := hookline.Publish(ctx, []client.Event{
		{Account: account.Account, Event: "order", Payload: json.RawMessage(`{"number":17}`)},
	})
	if err != nil {
		log.Fatal(err)
	}
	for account, err := range hookline.Accounts(ctx, "squake") {
		fmt.Println(account.Account, err, results[0].Status)
	}
	stop()
	// Output: squake:acme <nil> no_webhook
}

// exampleServer serves the API, as `hookline serve` does.
func exampleServer() (url, token string, stop func()) {
	dir, err := os.MkdirTemp("", "hookline-example-")
	if err != nil {
		log.Fatal(err)
	}
	s, err := serve(context.Background(), dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	return s.URL, s.token, func() { s.stop(); _ = os.RemoveAll(dir) }
}
