package deploytest

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Rotating the sealing key, as infra/README.md says, changes nothing that
// customers see: signing keys from before still sign, later ones are sealed to
// the new key. Going back to an earlier key does no harm, nor does a restored
// table that is older than the present sealing key.
func TestRotation(t *testing.T) {
	t.Parallel()
	onlyLong(t)
	template, cli := built(t), operatorProgram(t)
	account, receiver := startEmulator(t), startReceiver(t)
	s := account.deploy(t, cli, "rotated", template, localReceivers)
	early := receiver.signsUp(t, s, "1001", "v1")
	former := sealingKeys(t, s)
	restored := parameters{
		"ExistingWebhooksTable": s.restoreWebhooks(t, "restored"), "ExistingSealingKmsKeyArn": s.data().kmsKey,
	}
	var atRestore []*customer
	for _, c := range early {
		as := *c
		atRestore = append(atRestore, &as)
	}

	// What is not given keeps its value, such as where webhooks may be.
	s = account.deploy(t, cli, "rotated", template, parameters{"SealingKeyVersion": "2"})
	rotated := sealingKeys(t, s)
	if len(rotated) != 2 || string(rotated["v1"]) != string(former["v1"]) {
		t.Fatalf("the table has %d sealing keys, the first changed: %t", len(rotated), string(rotated["v1"]) != string(former["v1"]))
	}
	areSealedTo(t, s, early, "v1")
	receiver.getsWhatIsPublished(t, s, early)
	receiver.signsUp(t, s, "1002", "v2")
	t.Run("renewed", func(t *testing.T) { receiver.getsWhatRenewedKeysSign(t, s, early) })

	t.Run("restored", func(t *testing.T) {
		s = account.deploy(t, cli, "rotated", template, restored)
		if got := s.outputs["WebhooksTable"]; got != "restored" {
			t.Fatalf("the stack uses table %s", got)
		}
		anew := sealingKeys(t, s)
		if string(anew["v1"]) != string(former["v1"]) || len(anew) != 2 || string(anew["v2"]) == string(rotated["v2"]) {
			t.Errorf("the restored table has the sealing keys %v", slices.Sorted(maps.Keys(anew)))
		}
		receiver.getsWhatIsPublished(t, s, atRestore)
		receiver.signsUp(t, s, "1003", "v2")
	})
	t.Run("back", func(t *testing.T) {
		between := receiver.signsUp(t, s, "1004", "v2")
		s = account.deploy(t, cli, "rotated", template, parameters{"SealingKeyVersion": "1"})
		receiver.signsUp(t, s, "1005", "v1")
		receiver.getsWhatIsPublished(t, s, between)
		if n := len(sealingKeys(t, s)); n != 2 {
			t.Errorf("the table has %d sealing keys, want 2", n)
		}
	})
}

// signsUp makes customers, has them register, sees what their signing keys are
// sealed to, and that they receive.
func (r *receiver) signsUp(t *testing.T, s *stack, id, keyID string) []*customer {
	t.Helper()
	if got := s.outputs["SealingKeyId"]; got != keyID {
		t.Fatalf("output SealingKeyId is %s, want %s", got, keyID)
	}
	customers := newCustomers(t, s, id, r.url)
	if !t.Run("register-"+id, func(t *testing.T) { register(t, s, customers) }) {
		t.FailNow()
	}
	areSealedTo(t, s, customers, keyID)
	r.getsWhatIsPublished(t, s, customers)
	return customers
}

// areSealedTo sees to which sealing key the signing keys are sealed that are
// stored.
func areSealedTo(t *testing.T, s *stack, customers []*customer, keyID string) {
	t.Helper()
	store := s.data().store(t)
	for _, c := range customers {
		_, sealed := c.sealed(t, store)
		if got := sealedTo(sealed); got != keyID {
			t.Errorf("the signing key of %s is sealed to %q, want %q", c.account, got, keyID)
		}
	}
}

// sealedTo reads the id of the sealing key: it stands behind the format and its
// own length.
func sealedTo(sealed []byte) string {
	if len(sealed) < 2 || len(sealed) < 2+int(sealed[1]) {
		return ""
	}
	return string(sealed[2 : 2+int(sealed[1])])
}

// sealingKeys are the public halves that the stack's table has, by id.
func sealingKeys(t *testing.T, s *stack) map[string][]byte {
	t.Helper()
	stored, err := s.data().store(t).SealingKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{}
	for _, k := range stored {
		keys[k.ID] = k.Public
	}
	return keys
}

// getsWhatRenewedKeysSign has the customers whose API can do that have a new
// key made, which is sealed to the present sealing key, and sees that it signs;
// where the former key signs along for a while, both do.
func (r *receiver) getsWhatRenewedKeysSign(t *testing.T, s *stack, customers []*customer) {
	ofShoptet, ofAbbeyCross := customers[1], customers[2]
	ofShoptet.renewKey(t, s)
	former := *ofAbbeyCross
	id := idsOfAbbeyCross(t, s, ofAbbeyCross)[0]
	response := ofAbbeyCross.call(t, s, http.MethodPost, ofAbbeyCross.list+"/"+id+"/rotate-secret", "").must(t, "rotate", http.StatusOK, "")
	ofAbbeyCross.shown, _ = response.member(t, ofAbbeyCross.key...).(string)
	areSealedTo(t, s, customers[1:], "v2")
	areSealedTo(t, s, customers[:1], "v1")
	r.getsWhatIsPublished(t, s, customers)
	s.publish(t, former.event(former.events[0], "both")).must(t, "publish", http.StatusAccepted, `"accepted"`)
	got := r.next(t)
	former.verify(t, got)
	ofAbbeyCross.verify(t, got)
	s.areFinished(t, customers)
}

// restoreWebhooks restores the stack's table of webhooks, as it is now, to a
// new table, and gives its name.
func (s *stack) restoreWebhooks(t *testing.T, name string) string {
	t.Helper()
	_, err := dynamodb.NewFromConfig(s.emulator.config()).RestoreTableToPointInTime(t.Context(), &dynamodb.RestoreTableToPointInTimeInput{
		SourceTableName: aws.String(s.data().webhooks), TargetTableName: &name, UseLatestRestorableTime: aws.Bool(true),
	})
	if err != nil {
		t.Fatalf("restore the table of webhooks: %v", err)
	}
	return name
}
