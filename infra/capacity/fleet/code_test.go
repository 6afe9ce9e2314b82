package fleet

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/store/dynamo"
)

// What the simulation takes from code and template stands there.
func TestCodeIsAsSimulated(t *testing.T) {
	if maxDelay != delivery.MaxDelay || indexShards != dynamo.MaxParts {
		t.Errorf("messages are delayed by %v at most and the index has %d shards", delivery.MaxDelay, dynamo.MaxParts)
	}
	seconds := func(what string, d time.Duration) string {
		return fmt.Sprintf("%s%d * time.Second\n", what, d/time.Second)
	}
	for file, texts := range map[string][]string{
		"functions/deliver/deliver.go": {seconds("reserve = ", deliverTimeout-batchTime)},
		"functions/sweep/sweep.go": {
			seconds("reserve = ", sweepTimeout-sweepTime), seconds("ahead = ", sweepAhead), fmt.Sprintf("parallel = %d\n", leasesAtOnce/32),
		},
		"pkg/delivery/sweep.go":   {"leasesAtOnce = 32\n", fmt.Sprintf("maxDoublings = %d\n", maxDoublings)},
		"pkg/delivery/slow.go":    {seconds("quick = ", slowAfter)},
		"pkg/delivery/attempt.go": {seconds("writeTimeout = ", writeTime)},
		"pkg/delivery/record.go":  {fmt.Sprintf("jitterShare = %.0f // percent\n", 100*jitterShare)},
		"pkg/queue/sqs/sqs.go":    {seconds("lease = ", firstLease)},
		"template.yaml":           {fmt.Sprintf("            Schedule: rate(%d minute)\n", sweepInterval/time.Minute)},
	} {
		content, err := os.ReadFile("../../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			if !strings.Contains(string(content), text) {
				t.Errorf("%s lacks %q", file, text)
			}
		}
	}
	template, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for property, want := range map[string]time.Duration{
		"Deliver.Properties.Timeout": deliverTimeout, "DeliverSlow.Properties.Timeout": deliverTimeout,
		"Sweep.Properties.Timeout": sweepTimeout, "Attempts.Properties.VisibilityTimeout": visibility,
		"SlowAttempts.Properties.VisibilityTimeout": visibility + time.Second, // the mapping's window
	} {
		path, err := yaml.PathString("$.Resources." + property)
		if err != nil {
			t.Fatal(err)
		}
		var got int
		if err := path.Read(bytes.NewReader(template), &got); err != nil || time.Duration(got)*time.Second != want {
			t.Errorf("%s is %d, %v; want %v", property, got, err, want)
		}
	}
}
