package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// What a stack has unless its operator says otherwise is what is simulated, and
// what the page says.
func TestStackIsThatOfTheTemplate(t *testing.T) {
	template := readFile(t, "../../template.yaml")
	set := stack(defaultFast, defaultSlow)
	for path, want := range map[string]any{
		"Parameters.DeliverConcurrency.Default":                                                            set.Fast.Concurrency,
		"Parameters.SlowConcurrency.Default":                                                               set.Slow.Concurrency,
		"Resources.Deliver.Properties.MemorySize":                                                          set.Fast.Memory,
		"Resources.DeliverSlow.Properties.MemorySize":                                                      set.Slow.Memory,
		"Resources.Publish.Properties.MemorySize":                                                          set.PublishMemory,
		"Resources.Sweep.Properties.MemorySize":                                                            set.SweepMemory,
		"Resources.Deliver.Properties.Events.Attempts.Properties.BatchSize":                                set.Fast.Batch,
		"Resources.Deliver.Properties.Events.Attempts.Properties.MaximumBatchingWindowInSeconds":           nil,
		"Resources.Deliver.Properties.Events.Attempts.Properties.ScalingConfig.MaximumConcurrency":         "DeliverConcurrency",
		"Resources.DeliverSlow.Properties.Events.SlowAttempts.Properties.BatchSize":                        set.Slow.Batch,
		"Resources.DeliverSlow.Properties.Events.SlowAttempts.Properties.MaximumBatchingWindowInSeconds":   int(set.Slow.Window / time.Second),
		"Resources.DeliverSlow.Properties.Events.SlowAttempts.Properties.ScalingConfig.MaximumConcurrency": "SlowConcurrency",
		fmt.Sprintf("Resources.Sweep.Properties.Events.EachMinute%d.Properties.Input", set.Sweepers-1):     fmt.Sprintf(`{"part": %d, "parts": %d}`, set.Sweepers-1, set.Sweepers),
		fmt.Sprintf("Resources.Sweep.Properties.Events.EachMinute%d.Properties.Input", set.Sweepers):       nil,
	} {
		y, err := yaml.PathString("$." + path)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := y.Read(strings.NewReader(template), &got); err != nil && want != nil {
			t.Errorf("%s: %v", path, err)
		} else if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	text := readFile(t, page)
	for _, says := range []string{
		fmt.Sprintf("The defaults, %d and %d, fit", set.Fast.Concurrency, set.Slow.Concurrency),
		fmt.Sprintf("The functions of both lanes have %d MB.", set.Slow.Memory),
		fmt.Sprintf("Publishing 100 events in a request adds half a second at %d MB.", set.PublishMemory),
	} {
		if !strings.Contains(text, says) {
			t.Errorf("%s does not say: %s", page, says)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
