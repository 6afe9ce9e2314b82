package mapping

import (
	"crypto/md5" // SQS has it of each message
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Limits of SendMessageBatch (Amazon SQS API Reference).
const (
	maxEntries = 10
	maxDelay   = 900 // seconds
)

// Sent is a message as it was sent to SQS.
type Sent struct {
	Body, Group string
	Delay       time.Duration
}

// sendBatch is SendMessageBatch of SQS's JSON protocol.
type sendBatch struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []struct {
		ID             string `json:"Id"`
		MessageBody    string
		MessageGroupID string `json:"MessageGroupId"`
		DelaySeconds   int
	}
}

type sentEntry struct {
	ID        string `json:"Id"`
	MessageID string `json:"MessageId"`
	MD5       string `json:"MD5OfMessageBody"`
}

// StartSQS starts an SQS that ends with the test, and returns its URL. It hands
// the messages of a request to take, all at once. A request that SQS would refuse
// fails the test, as does one for anything but SendMessageBatch.
func StartSQS(t *testing.T, take func(queueURL string, list []Sent)) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := readBatch(r)
		if err != nil {
			t.Error(err)
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var list []Sent
		var out struct{ Successful []sentEntry }
		for _, e := range in.Entries {
			list = append(list, Sent{Body: e.MessageBody, Group: e.MessageGroupID, Delay: time.Duration(e.DelaySeconds) * time.Second})
			digest := md5.Sum([]byte(e.MessageBody))
			out.Successful = append(out.Successful, sentEntry{e.ID, "id-" + e.ID, hex.EncodeToString(digest[:])})
		}
		take(in.QueueURL, list)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if err := json.NewEncoder(w).Encode(out); err != nil {
			t.Errorf("SQS: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func readBatch(r *http.Request) (sendBatch, error) {
	var in sendBatch
	if target := r.Header.Get("X-Amz-Target"); target != "AmazonSQS.SendMessageBatch" {
		return in, fmt.Errorf("SQS is asked for %q", target)
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return in, fmt.Errorf("SQS is sent a request that is no JSON: %w", err)
	}
	if len(in.Entries) < 1 || len(in.Entries) > maxEntries {
		return in, fmt.Errorf("SQS is sent %d messages at once", len(in.Entries))
	}
	for _, e := range in.Entries {
		if e.DelaySeconds < 0 || e.DelaySeconds > maxDelay {
			return in, fmt.Errorf("SQS is sent a message that is delayed by %d s", e.DelaySeconds)
		}
	}
	return in, nil
}
