package infra_test

import (
	"crypto/md5" // SQS has it of each message
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// messagePlaceholder stands for the message that was sent to the queue last.
const messagePlaceholder = "{message}"

// checkQueueEvent holds an event to what Lambda hands over from a queue.
func checkQueueEvent(t *testing.T, path string, want expectation) {
	t.Helper()
	var e events.SQSEvent
	readJSON(t, path+".json", &e)
	if len(e.Records) < 1 || len(e.Records) > 10 {
		t.Errorf("%s: %d messages, want 1 to 10", path, len(e.Records))
	}
	ids := map[string]bool{}
	for _, record := range e.Records {
		digest := md5.Sum([]byte(record.Body))
		if record.Md5OfBody != hex.EncodeToString(digest[:]) || record.ReceiptHandle == "" || record.Body == "" {
			t.Errorf("%s: message %s has the digest %q or lacks what each has", path, record.MessageId, record.Md5OfBody)
		}
		if record.EventSource != "aws:sqs" || !strings.HasPrefix(record.EventSourceARN, "arn:aws:sqs:"+record.AWSRegion+":") {
			t.Errorf("%s: message %s is from %s, %s in %s", path, record.MessageId, record.EventSource, record.EventSourceARN, record.AWSRegion)
		}
		// SQS's fair queues tell the accounts apart by it.
		if record.Attributes["MessageGroupId"] == "" || record.Attributes["ApproximateReceiveCount"] == "" {
			t.Errorf("%s: message %s has the attributes %v", path, record.MessageId, record.Attributes)
		}
		if record.Body == messagePlaceholder && len(want.After) == 0 {
			t.Errorf("%s asks for a message, and comes first", path)
		}
		if ids[record.MessageId] || record.MessageId == "" {
			t.Errorf("%s: two messages %q", path, record.MessageId)
		}
		ids[record.MessageId] = true
	}
	for _, id := range want.BatchItemFailures {
		if !ids[id] {
			t.Errorf("%s: expects message %s back, which is none of its own", path, id)
		}
	}
	if want.Answer < 200 || want.Answer > 599 || want.StatusCode != 0 || want.Status != "" || want.Received > len(e.Records) {
		t.Errorf("%s: expects %+v", path, want)
	}
}

// checkScheduleEvent holds an event to what EventBridge sends by a schedule.
func checkScheduleEvent(t *testing.T, path string, want expectation) {
	t.Helper()
	var e events.EventBridgeEvent
	readJSON(t, path+".json", &e)
	if e.Version != "0" || e.ID == "" || e.DetailType != "Scheduled Event" || e.Source != "aws.events" || string(e.Detail) != "{}" || e.Time.IsZero() {
		t.Errorf("%s: %+v", path, e)
	}
	if len(e.Resources) != 1 || !strings.HasPrefix(e.Resources[0], "arn:aws:events:"+e.Region+":"+e.AccountID+":rule/") {
		t.Errorf("%s: comes from %v, want a rule", path, e.Resources)
	}
	if want.StatusCode != 0 || want.Status != "" || want.Received > 0 || want.BatchItemFailures != nil {
		t.Errorf("%s: expects %+v", path, want)
	}
}

// The events of publishing hold one of each answer to an event.
func TestPublishEventsCoverTheVerdicts(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range eventCases(t, "publish") {
		var want expectation
		readJSON(t, "events/publish/"+name+wantSuffix, &want)
		for _, verdict := range []string{"accepted", "duplicate", "no_webhook", "rejected", "invalid_request", "unsupported_content_type"} {
			if strings.Contains(string(want.Body), `"`+verdict+`"`) {
				seen[verdict] = true
			}
		}
	}
	var got []string
	for verdict := range seen {
		got = append(got, verdict)
	}
	slices.Sort(got)
	if want := []string{"accepted", "duplicate", "invalid_request", "no_webhook", "rejected", "unsupported_content_type"}; !slices.Equal(got, want) {
		t.Errorf("events are answered %q, want %q", got, want)
	}
}
