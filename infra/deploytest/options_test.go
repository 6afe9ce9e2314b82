package deploytest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
)

// A new stack with everything that is an option works: its tables are encrypted
// with the operator's key, its functions traced, its API under a domain. What it
// is told is in a parameter file, and a second deployment with that file undoes
// none of it.
func TestOptions(t *testing.T) {
	t.Parallel()
	onlyLong(t)
	template, cli := built(t), operatorProgram(t)
	account := startEmulator(t)
	receiver := startReceiver(t)
	with := parameters{"Architecture": architecture(), "AbbeycrossEvents": "shipment.created,shipment.delivered"}
	maps.Copy(with, options(t, account))
	maps.Copy(with, localReceivers)
	file := "file://" + parameterFile(t, with)
	if err := account.samDeploy(t, "hookline", template, file); err != nil {
		t.Fatal(err)
	}
	s := account.stack(t, cli, "hookline")
	s.hasItsOptions(t)
	s.isEncryptedWith(t, with["TableKeyArn"])
	customers := newCustomers(t, s, "1001", receiver.url)
	if !t.Run("register", func(t *testing.T) { register(t, s, customers) }) {
		t.FailNow()
	}
	receiver.getsWhatIsPublished(t, s, customers)

	before, outputs, resources := remember(t, s, customers), s.outputs, s.resources
	// Something else than the parameters has changed, or nothing would be deployed.
	with["LogRetentionDays"] = "7"
	file = "file://" + parameterFile(t, with)
	if err := account.samDeploy(t, "hookline", template, file); err != nil {
		t.Fatal(err)
	}
	s = account.stack(t, cli, "hookline")
	s.hasItsOptions(t)
	s.isEncryptedWith(t, with["TableKeyArn"])
	if diff := cmp.Diff(outputs, s.outputs); diff != "" {
		t.Errorf("the second deployment changed outputs (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(resources, s.resources); diff != "" {
		t.Errorf("the second deployment made resources anew (-first +second):\n%s", diff)
	}
	nothingIsLost(t, s, customers, before)
	receiver.getsWhatIsPublished(t, s, customers)
}

// parameterFile writes parameters as `sam deploy --parameter-overrides file://`
// reads them.
func parameterFile(t *testing.T, with parameters) string {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(with)) {
		fmt.Fprintf(&text, "%s: %q\n", name, with[name])
	}
	path := filepath.Join(t.TempDir(), "parameters.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// isEncryptedWith holds both tables to a key.
func (s *stack) isEncryptedWith(t *testing.T, key string) {
	t.Helper()
	client := dynamodb.NewFromConfig(s.emulator.config())
	for _, output := range []string{"WebhooksTable", "DeliveriesTable"} {
		response, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(s.outputs[output])})
		if err != nil {
			t.Fatalf("table %s: %v", s.outputs[output], err)
		}
		if d := response.Table.SSEDescription; d == nil || aws.ToString(d.KMSMasterKeyArn) != key {
			t.Errorf("table %s is encrypted by %+v, want with %s", s.outputs[output], d, key)
		}
	}
}
