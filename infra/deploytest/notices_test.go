package deploytest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

const (
	// noticeBus is the bus that notices go to, and toldQueue the queue that a rule
	// of the operator's sends them to.
	noticeBus = "company-events"
	toldQueue = "told"
)

// operatorIsTold has a delivery fail for the last time, and waits until the
// operator was told of that and of what the steps before came to: two webhooks
// were disabled by a 410 and worked again. Without the right to, nothing is told
// and nothing lost.
func (r *receiver) operatorIsTold(t *testing.T, s *stack, customers []*customer) {
	exhausted := customers[2]
	r.answering("exhausted", http.StatusInternalServerError)
	s.addOverdue(t, exhausted, "exhausted", 99)
	s.sweep(t)
	exhausted.verify(t, r.next(t))
	s.areFinished(t, customers)
	s.without(t, "Sweep", "notices", "events:PutEvents", "events:ListRules", func() {
		if response, failed := s.invoke(t, "Sweep", "{}"); !failed || !strings.Contains(response, "notices were not taken") {
			t.Errorf("sweep without the right to tell: %s", response)
		}
	})
	s.sweep(t)
	want := map[string]int{
		"webhook.disabled squake:signed-up": 1, "webhook.recovered squake:signed-up": 1,
		"webhook.disabled " + customers[0].account.String(): 1, "webhook.recovered " + customers[0].account.String(): 1,
		"webhook.exhausted " + exhausted.account.String(): 1,
	}
	if diff := cmp.Diff(want, s.told(t, len(want))); diff != "" {
		t.Errorf("the operator is told (-want +got):\n%s", diff)
	}
}

// told counts what the operator was told, by type and account, once it is so
// many different things. What has the id of another was sent twice, and is not
// counted.
func (s *stack) told(t *testing.T, different int) map[string]int {
	t.Helper()
	client := awssqs.NewFromConfig(s.emulator.config())
	queue, err := client.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: aws.String(toldQueue)})
	if err != nil {
		t.Fatal(err)
	}
	told, ids := map[string]int{}, map[string]bool{}
	for end := time.Now().Add(timeout); len(told) < different && time.Now().Before(end); {
		page, err := client.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{
			QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: 600,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			var event struct {
				DetailType string `json:"detail-type"`
				Detail     struct {
					ID, Type string
					Data     struct{ Account string }
				}
			}
			if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &event); err != nil || event.Detail.ID == "" || event.Detail.Type != event.DetailType {
				t.Errorf("the operator is told %s, %v", aws.ToString(m.Body), err)
			}
			if !ids[event.Detail.ID] {
				told[event.DetailType+" "+event.Detail.Data.Account]++
			}
			ids[event.Detail.ID] = true
		}
	}
	return told
}
