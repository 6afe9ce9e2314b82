package infra_test

import (
	"testing"
	"time"
)

// CloudFormation waits for the sealing key longer than the function that makes
// it runs, and that longer than it waits for its rights (package keyring). The
// function is asked again when the stack is pointed to another table.
func TestSealingKeyIsWaitedFor(t *testing.T) {
	const (
		rights = 40 * time.Second // what IAM and KMS are given
		margin = 15 * time.Second // the calls after that, and the response
	)
	tm := readTemplate(t, "template.yaml")
	var f functionProperties
	tm.Resources["Keyring"].properties(t, &f)
	var key struct {
		ServiceTimeout    int
		SealingKeyVersion string
		WebhooksTable     string
	}
	tm.Resources["SealingKey"].properties(t, &key)
	timeout, service := time.Duration(f.Timeout)*time.Second, time.Duration(key.ServiceTimeout)*time.Second
	if timeout < rights+margin {
		t.Errorf("keyring runs for %v, want %v at least", timeout, rights+margin)
	}
	if service < timeout+margin {
		t.Errorf("CloudFormation waits for %v, want %v more than the function's %v", service, margin, timeout)
	}
	if key.SealingKeyVersion != "!Ref SealingKeyVersion" || key.WebhooksTable != tm.Globals.Function.Environment.Variables["HOOKLINE_WEBHOOKS_TABLE"] {
		t.Errorf("the key is of version %s in %s, which is not the function's table", key.SealingKeyVersion, key.WebhooksTable)
	}
}
