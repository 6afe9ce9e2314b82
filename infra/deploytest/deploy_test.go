package deploytest

import (
	"maps"
	"path"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/long"
)

// A stack of the template with everything that is an option works, can be
// deleted without loss, and in long runs a second one goes on with its data.
func TestDeploy(t *testing.T) {
	t.Parallel()
	template, cli := built(t), operatorProgram(t)
	aws := startEmulator(t)
	receiver := startReceiver(t)
	with := options(t, aws)
	maps.Copy(with, localReceivers)
	first := aws.deploy(t, cli, "hookline", template, with)
	first.hasItsOptions(t)
	customers := newCustomers(t, first, "1001", receiver.url)
	for _, step := range []struct {
		name string
		do   func(*testing.T, *stack, []*customer)
	}{
		{"register", register},
		{"lifecycle", lifecycle},
		{"publishers", onlyPublishersPublish},
		{"signup", receiver.isSignedUp},
		{"portal", receiver.hasAPortal},
		{"delivery", receiver.getsWhatIsPublished},
		{"retry", receiver.getsWhatItRefused},
		{"sweep", receiver.getsWhatWasLost},
		{"gone", receiver.isLeftInPeace},
		{"notices", receiver.operatorIsTold},
		{"policies", policiesAreEnforced},
		{"delivery policies", deliveryPoliciesAreEnforced},
		{"sending", func(t *testing.T, s *stack, customers []*customer) {
			queue := path.Base(s.outputs["QueueUrl"])
			receiver.needsItsRight(t, s, customers[0], "Publish", "attempts", queue, "elsewhere", "messages of accepted events were not sent")
		}},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(t, first, customers) }) {
			t.FailNow() // what follows builds on it
		}
	}
	before, stored := remember(t, first, customers), first.data()
	first.delete(t)
	stored.isThere(t)
	if !long.Pick(false, true) {
		return
	}
	second := onRetainedData(t, aws, cli, template, stored, with)
	nothingIsLost(t, second, customers, before)
	lifecycle(t, second, customers)
	// Its deliver has opened no key yet, and keeps those that it has.
	receiver.needsItsRight(t, second, customers[0], "Deliver", "keys", "kms:EncryptionContext:hookline:key", "kms:EncryptionContext:another", "unwrap sealing key")
	receiver.getsWhatIsPublished(t, second, customers)
	second.delete(t)
	stored.isThere(t)
}

// onlyLong skips a test of more deployments than `make test` has time for:
// TestDeploy's of a new stack, and TestUpgrade's.
func onlyLong(t *testing.T) {
	t.Helper()
	if !long.Pick(false, true) {
		t.Skip("make test-long deploys so often")
	}
}

// localReceivers lets webhooks be where the tests receive.
var localReceivers = parameters{"AllowHttp": "true", "AllowPrivate": "true"}

// onRetainedData deploys a second stack on data that is there already, told the
// same as the first. Without the key that the data needs, the deployment is
// refused before anything is made.
func onRetainedData(t *testing.T, aws *emulator, cli, template string, stored data, with parameters) *stack {
	t.Helper()
	tables := parameters{"ExistingWebhooksTable": stored.webhooks, "ExistingDeliveriesTable": stored.deliveries}
	err := aws.tryDeploy(t, "keyless", template, tables)
	if err == nil || !strings.Contains(err.Error(), "must be given together with ExistingSealingKmsKeyArn") {
		t.Errorf("a stack with an existing table and no key: %v", err)
	}
	all := parameters{"ExistingSealingKmsKeyArn": stored.kmsKey}
	maps.Copy(all, with)
	maps.Copy(all, tables)
	s := aws.deploy(t, cli, "second", template, all)
	s.hasItsOptions(t)
	if s.data() != stored {
		t.Errorf("the second stack's data is %+v, want %+v", s.data(), stored)
	}
	for logical, physical := range s.resources {
		if strings.HasSuffix(logical, "Table") || strings.HasSuffix(logical, "KmsKey") {
			t.Errorf("the second stack made %s %s beside what there was", logical, physical)
		}
	}
	return s
}
