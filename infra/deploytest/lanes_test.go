package deploytest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// slowLane are the resources that a stack with one queue lacks, and which of
// its own it has in their place.
var slowLane = map[string]string{"SlowAttempts": "Attempts", "SlowDeadLetters": "DeadLetters", "DeliverSlow": "Deliver"}

// oneQueue writes the template of a stack with one queue beside a built one,
// and returns its path. Nothing works the queue off, so that what is sent is
// still in it when the stack is updated.
func oneQueue(t *testing.T, built string) string {
	t.Helper()
	text, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]any
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	resources := template["Resources"].(map[string]any)
	for name := range slowLane {
		delete(resources, name)
	}
	delete(resources["Deliver"].(map[string]any)["Properties"].(map[string]any), "Events")
	if text, err = yaml.Marshal(withoutSlowLane(template)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(built), "one-queue.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(path) })
	return path
}

// withoutSlowLane has all that refers to the slow lane refer to the other.
func withoutSlowLane(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			name, plain := member.(string)
			if other := slowLane[name]; plain && key == "Ref" && other != "" {
				v[key] = other
				continue
			}
			if list, ok := member.([]any); ok && key == "Fn::GetAtt" {
				if other := slowLane[fmt.Sprint(list[0])]; other != "" {
					list[0] = other
				}
				continue
			}
			v[key] = withoutSlowLane(member)
		}
	case []any:
		for i := range v {
			v[i] = withoutSlowLane(v[i])
		}
	}
	return value
}

// A stack that had one queue keeps it as the fast lane when it is updated, and
// what waits in it is delivered, once.
func TestUpgradeFromOneQueue(t *testing.T) {
	t.Parallel()
	onlyLong(t)
	template, cli := built(t), operatorProgram(t)
	aws := startEmulator(t)
	receiver := startReceiver(t)
	s := aws.deploy(t, cli, "hookline", oneQueue(t, template), localReceivers)
	customers := newCustomers(t, s, "1001", receiver.url)
	if !t.Run("register", func(t *testing.T) { register(t, s, customers) }) {
		t.FailNow()
	}
	var events []any
	for _, c := range customers {
		events = append(events, c.event(c.events[0], "waiting"))
	}
	s.publish(t, events...).must(t, "publish", 202, `"accepted"`)
	queue := s.outputs["QueueUrl"]

	s = aws.deploy(t, cli, "hookline", template, localReceivers)
	if now := s.outputs["QueueUrl"]; now != queue || strings.Contains(s.outputs["SlowQueueUrl"], queue) {
		t.Errorf("the fast lane is %s, want the queue of before, %s", now, queue)
	}
	for range customers {
		if got := receiver.next(t); !strings.Contains(string(got.body), "waiting") && got.status != 200 {
			t.Errorf("received %s", got.body)
		}
	}
	s.areFinished(t, customers)
	if n := len(receiver.arrived); n > 0 {
		t.Errorf("%d requests more than events", n)
	}
	t.Run("retry", func(t *testing.T) { receiver.getsWhatItRefused(t, s, customers) })
}
