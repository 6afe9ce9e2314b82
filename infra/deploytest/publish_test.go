package deploytest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// root's key may do everything.
var rootKey = aws.Credentials{AccessKeyID: operator, SecretAccessKey: operator}

// sign signs a request as AWS asks for (SigV4).
func sign(t *testing.T, r *http.Request, key aws.Credentials, service, body string) {
	t.Helper()
	digest := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(digest[:]), service, region, time.Now()); err != nil {
		t.Fatalf("sign: %v", err)
	}
}

// publish publishes events as the operator's programs do: through the gateway,
// signed.
func (s *stack) publish(t *testing.T, events ...any) response {
	t.Helper()
	return s.publishAs(t, rootKey, events...)
}

// publishAs publishes with somebody's key.
func (s *stack) publishAs(t *testing.T, key aws.Credentials, events ...any) response {
	t.Helper()
	body, err := json.Marshal(map[string]any{"events": events})
	if err != nil {
		t.Fatal(err)
	}
	r := s.request(t, http.MethodPost, "/events", http.Header{}, string(body))
	sign(t, r, key, "execute-api", string(body))
	return s.do(t, r)
}

// event is one of the customer's, as it is published.
func (c *customer) event(name, id string) map[string]any {
	e := map[string]any{
		"account": c.account.String(), "event": name, "id": id, "time": time.Now().UTC().Format(time.RFC3339),
		"payload": map[string]any{"id": id},
	}
	if c.name == "shoptet" {
		e["instance"] = id
	}
	return e
}

// invoke runs a function, whose logical id is given, with an event, and gives
// its answer and whether it failed.
func (s *stack) invoke(t *testing.T, function, event string) (payload string, failed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	url := fmt.Sprintf("%s/2015-03-31/functions/%s/invocations", s.emulator.url(), s.resources[function])
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	sign(t, r, rootKey, "lambda", event)
	resp, err := s.emulator.client.Do(r)
	if err != nil {
		t.Fatalf("invoke %s: %v", function, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("invoke %s: %s %s, %v", function, resp.Status, text, err)
	}
	return string(text), resp.Header.Get("X-Amz-Function-Error") != ""
}

// onlyPublishersPublish has a user of the account publish, once without the
// right to and once with the one that the stack's output says.
func onlyPublishersPublish(t *testing.T, s *stack, customers []*customer) {
	nobody := customers[0].event(customers[0].events[1], "nobody") // not registered
	s.call(t, http.MethodPost, "/events", http.Header{}, `{"events":[]}`).must(t, "publish unsigned", http.StatusForbidden, "")
	client := iam.NewFromConfig(s.emulator.config())
	user := aws.String("publisher")
	if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: user}); err != nil {
		t.Fatal(err)
	}
	made, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: user})
	if err != nil {
		t.Fatal(err)
	}
	key := aws.Credentials{AccessKeyID: aws.ToString(made.AccessKey.AccessKeyId), SecretAccessKey: aws.ToString(made.AccessKey.SecretAccessKey)}
	s.publishAs(t, key, nobody).must(t, "publish without the right", http.StatusForbidden, "")
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":%q}]}`,
		s.outputs["EventsRouteArn"])
	_, err = client.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: user, PolicyName: aws.String("publish"), PolicyDocument: &policy})
	if err != nil {
		t.Fatal(err)
	}
	s.publishAs(t, key, nobody).must(t, "publish with the right", http.StatusAccepted, `"no_webhook"`)
}
