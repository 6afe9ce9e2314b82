package deploytest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/queue/sqs"
)

// policiesAreEnforced shows that what the other steps did, they did because the
// roles may: a role's rights, moved to another API's accounts, are none in its
// own, and what the function then answers is its API's own fault. The stack is
// left as it was.
func policiesAreEnforced(t *testing.T, s *stack, customers []*customer) {
	for _, c := range customers {
		t.Run(string(c.name), func(t *testing.T) {
			s.without(t, title(string(c.name))+"Manage", "webhooks", "A#"+string(c.name)+"#*", "A#elsewhere#*", func() {
				c.call(t, s, http.MethodGet, c.list, "").must(t, "list without the right", http.StatusInternalServerError, "{")
			})
			c.call(t, s, http.MethodGet, c.list, "").must(t, "list with the right", http.StatusOK, "")
		})
	}
}

// deliveryPoliciesAreEnforced shows the same of the functions that publish,
// deliver and sweep, each by what it does first.
func deliveryPoliciesAreEnforced(t *testing.T, s *stack, customers []*customer) {
	t.Run("publish", func(t *testing.T) {
		c := customers[0]
		unregistered := c.event(c.events[1], "nobody")
		s.without(t, "Publish", "webhooks", "A#*", "A#elsewhere#*", func() {
			s.publish(t, unregistered).must(t, "publish without the right", http.StatusAccepted, `"failed"`)
		})
		s.publish(t, unregistered).must(t, "publish with the right", http.StatusAccepted, `"no_webhook"`)
	})
	for _, policy := range []string{"webhooks", "deliveries"} {
		t.Run("deliver/"+policy, func(t *testing.T) {
			s.without(t, "Deliver", policy, "A#*", "A#elsewhere#*", func() {
				if response, failed := s.invoke(t, "Deliver", unknownMessage()); failed || !strings.Contains(response, `"m-1"`) {
					t.Errorf("deliver without the right: %s, want that the message goes back", response)
				}
			})
			if response, failed := s.invoke(t, "Deliver", unknownMessage()); failed || strings.Contains(response, "m-1") {
				t.Errorf("deliver with the right: %s", response)
			}
		})
	}
	t.Run("sweep", func(t *testing.T) {
		s.without(t, "Sweep", "deliveries", "/index/due", "/index/other", func() {
			if response, failed := s.invoke(t, "Sweep", "{}"); !failed {
				t.Errorf("sweep without the right: %s, want an error", response)
			}
		})
		if response, failed := s.invoke(t, "Sweep", "{}"); failed {
			t.Errorf("sweep with the right: %s", response)
		}
	})
}

// needsItsRight publishes an event while a function lacks a right that delivering
// it takes, and waits until the function's log says so: the event is accepted,
// and nothing arrives. With the right back, it is sent again and arrives.
func (r *receiver) needsItsRight(t *testing.T, s *stack, c *customer, function, policy, says, instead, logged string) {
	t.Helper()
	var published response
	id := "without-" + policy
	s.without(t, function, policy, says, instead, func() {
		published = s.publish(t, c.event(c.events[0], id)).must(t, "publish", http.StatusAccepted, `"accepted"`)
		s.emulator.awaitLog(t, logged)
	})
	results, _ := published.member(t, "results").([]any)
	result, _ := results[0].(map[string]any)
	s.sendAgain(t, c, fmt.Sprint(result["delivery"]))
	got := r.next(t)
	if !strings.Contains(string(got.body), id) {
		t.Errorf("received %s, want what was published without the right", got.body)
	}
	c.verify(t, got)
	s.areFinished(t, []*customer{c})
}

// sendAgain sends for an attempt that is due, as the sweeper does once the
// delivery's lease has ended. The operator's API leaves that to it.
func (s *stack) sendAgain(t *testing.T, c *customer, id string) {
	t.Helper()
	queue, err := sqs.New(sqs.Config{
		Client: awssqs.NewFromConfig(s.emulator.config()), QueueURL: s.outputs["QueueUrl"], SlowQueueURL: s.outputs["SlowQueueUrl"], Now: time.Now,
	})
	if err == nil {
		_, err = delivery.NewRetrier(s.data().store(t), queue, time.Now).Retry(t.Context(), c.account, id)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// without does something while a policy of a function's role says another
// thing than it does.
func (s *stack) without(t *testing.T, function, policy, says, instead string, do func()) {
	t.Helper()
	client := iam.NewFromConfig(s.emulator.config())
	role, name := s.resources[function+"Role"], aws.String(policy)
	read, err := client.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &role, PolicyName: name})
	if err != nil {
		t.Fatalf("read the policy of %s: %v", role, err)
	}
	document, err := url.QueryUnescape(aws.ToString(read.PolicyDocument))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.ReplaceAll(document, says, instead)
	if other == document {
		t.Fatalf("the policy of %s does not say %s: %s", role, says, document)
	}
	put := func(document string) {
		_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: name, PolicyDocument: &document})
		if err != nil {
			t.Fatalf("write the policy of %s: %v", role, err)
		}
	}
	put(other)
	defer put(document)
	do()
}

// title writes an API's name as logical ids begin.
func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
