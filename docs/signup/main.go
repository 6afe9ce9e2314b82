// Command signup signs a customer of Squake's API up, as a company's backend
// does, sends it a first event, and lists its deliveries:
//
//	go run ./docs/signup squake:acme https://acme.example/hooks
//
// After an outage of the customer's receiver it has what failed attempted again:
//
//	go run ./docs/signup squake:acme
//
// HOOKLINE_URL is where the APIs are. The operator's token is in HOOKLINE_TOKEN;
// without one, requests are signed with AWS credentials.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/hookline/hookline/pkg/client"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	err := run(ctx, os.Getenv("HOOKLINE_URL"), os.Args[1:])
	cancel()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url string, args []string) error {
	hookline, err := connect(ctx, url)
	switch {
	case err != nil:
		return err
	case len(args) == 1:
		return recoverFailed(ctx, hookline, args[0])
	case len(args) == 2:
		return signUp(ctx, hookline, url, args[0], args[1])
	}
	return errors.New("usage: signup <account> [<url of the receiver>]")
}

func signUp(ctx context.Context, hookline *client.Client, url, account, receiver string) error {
	if _, err := hookline.CreateAccount(ctx, account); err != nil {
		return err
	}
	token, err := hookline.CreateToken(ctx, account, client.TokenRequest{})
	if err != nil {
		return err
	}
	if err := register(ctx, url, token.Secret, receiver); err != nil {
		return err
	}
	results, err := hookline.Publish(ctx, []client.Event{
		{Account: account, Event: "order", ID: "17", Time: time.Now(), Payload: []byte(`{"number":17}`)},
	})
	if err != nil {
		return err
	}
	for d := (client.DeliveryDetails{}); d.Status != "delivered"; <-time.After(100 * time.Millisecond) {
		if d, err = hookline.Delivery(ctx, account, results[0].Delivery); err != nil {
			return err
		}
	}
	for d, err := range hookline.Deliveries(ctx, account, client.DeliveryFilter{}) {
		_, _ = fmt.Fprintln(os.Stdout, d.ID, d.Event, d.Status, err)
	}
	return nil
}

// recoverFailed recovers the deliveries of a day's events. Its AsOf makes a
// request safe to repeat: the client does so if a response is lost.
func recoverFailed(ctx context.Context, hookline *client.Client, account string) error {
	now := time.Now()
	for done, err := range hookline.Recoveries(ctx, account, client.Recovery{From: now.Add(-24 * time.Hour), AsOf: now}) {
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(os.Stdout, "recovered", done.Count)
	}
	return nil
}

func connect(ctx context.Context, url string) (*client.Client, error) {
	if token := os.Getenv("HOOKLINE_TOKEN"); token != "" {
		return client.New(client.Config{URL: url, Token: token})
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: url, Credentials: aws.Credentials, Region: aws.Region})
}

// register is the customer's part, with its token and its API.
func register(ctx context.Context, url, token, receiver string) error {
	body := strings.NewReader(fmt.Sprintf(`{"kind":"order","endpoint_url":%q}`, receiver))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v2/webhooks", body) //nolint:gosec // the operator's own URL
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r) //nolint:gosec // the operator's own URL
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("register: answered %s", response.Status)
	}
	return nil
}
