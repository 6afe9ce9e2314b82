package deploytest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// functionLogs is all that the functions have printed, by log group. It is for
// the report of a failed test, whose own context is over by then.
func (c *emulator) functionLogs() string {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	client := cloudwatchlogs.NewFromConfig(c.config())
	var text strings.Builder
	groups, err := client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		return fmt.Sprintf("nothing that could be read: %v", err)
	}
	for _, group := range groups.LogGroups {
		fmt.Fprintf(&text, "%s\n", aws.ToString(group.LogGroupName))
		events, err := client.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group.LogGroupName})
		if err != nil {
			fmt.Fprintf(&text, "  %v\n", err)
			continue
		}
		for _, event := range events.Events {
			fmt.Fprintf(&text, "  %s\n", strings.TrimSpace(aws.ToString(event.Message)))
		}
	}
	return text.String()
}

// awaitLog waits until the functions have printed a text.
func (c *emulator) awaitLog(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !strings.Contains(c.functionLogs(), text) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("no function prints %q", text)
		}
	}
}
