package deploytest

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/kms"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// data is where a stack's data is: what outlives it.
type data struct {
	emulator   *emulator
	webhooks   string // the tables' names
	deliveries string
	kmsKey     string // ARN
}

func (s *stack) data() data {
	key := s.resources["Data/SealingKmsKey"]
	if key == "" {
		key = s.outputs["SealingKmsKeyArn"] // not of the stack's own making
	} else {
		key = "arn:aws:kms:" + region + ":000000000000:key/" + key
	}
	return data{s.emulator, s.outputs["WebhooksTable"], s.outputs["DeliveriesTable"], key}
}

// state is all of a stack's data that a customer would miss.
type state struct {
	SealingKeyID string
	SealingKeys  []webhook.SealingKey
	Webhooks     []any
	// Keys are the signing keys as they open, one a customer.
	Keys []string
}

// remember reads the state: the webhooks as the API lists them, the signing keys
// as only KMS can open them. These must be the ones that the customers were shown.
func remember(t *testing.T, s *stack, customers []*customer) state {
	t.Helper()
	d := s.data()
	store := d.store(t)
	keys, err := store.SealingKeys(t.Context())
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d sealing keys, %v", len(keys), err)
	}
	client := kms.NewClient(kms.ClientConfig{
		Region: region, Credentials: d.emulator.config().Credentials, Endpoint: d.emulator.url(), HTTPClient: d.emulator.client,
	})
	opener := open.New(kms.NewUnwrapper(client, d.kmsKey, store))
	remembered := state{SealingKeyID: s.outputs["SealingKeyId"], SealingKeys: keys}
	for _, c := range customers {
		remembered.Webhooks = append(remembered.Webhooks, c.webhooks(t, s))
		owner, sealed := c.sealed(t, store)
		key, err := opener.Open(t.Context(), owner, sealed)
		if err != nil || key.Reveal() != c.shown {
			t.Errorf("%s: the signing key opens as another than was shown, %v", c.account, err)
		}
		remembered.Keys = append(remembered.Keys, key.Reveal())
	}
	return remembered
}

// sealed reads the signing key of the customer's first event as it is stored.
func (c *customer) sealed(t *testing.T, store *dynamo.Store) (seal.Owner, []byte) {
	t.Helper()
	if c.key == nil {
		info, err := store.Account(t.Context(), c.account)
		if err != nil {
			t.Fatal(err)
		}
		return seal.AccountKey(c.account), info.SealedKey
	}
	w, err := store.Webhook(t.Context(), c.account, c.events[0])
	if err != nil {
		t.Fatal(err)
	}
	return seal.WebhookKey(c.account, w.ID), w.SealedKey
}

// store opens the tables as the operator.
func (d data) store(t *testing.T) *dynamo.Store {
	t.Helper()
	client, err := dynamo.NewClient(dynamo.ClientConfig{
		Region: region, Endpoint: d.emulator.url(), Credentials: d.emulator.config().Credentials,
	})
	if err != nil {
		t.Fatal(err)
	}
	store, err := dynamo.New(dynamo.Config{Client: client, Table: d.webhooks, Deliveries: d.deliveries, TryTimeout: timeout, CallTimeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// nothingIsLost holds that each customer's token still works and that it has
// what it had: webhooks, claims and signing keys.
func nothingIsLost(t *testing.T, s *stack, customers []*customer, before state) {
	t.Helper()
	if diff := cmp.Diff(before, remember(t, s, customers)); diff != "" {
		t.Errorf("the data was changed (-before +after):\n%s", diff)
	}
	for _, c := range customers {
		stillRegistered(t, s, c)
	}
}

// isThere holds that the tables and the key are there and can be used, whatever
// became of their stack.
func (d data) isThere(t *testing.T) {
	t.Helper()
	tables := dynamodb.NewFromConfig(d.emulator.config())
	for _, name := range []string{d.webhooks, d.deliveries} {
		response, err := tables.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
		if err != nil {
			t.Fatalf("table %s: %v", name, err)
		}
		if !aws.ToBool(response.Table.DeletionProtectionEnabled) {
			t.Errorf("table %s can be deleted", name)
		}
	}
	key, err := awskms.NewFromConfig(d.emulator.config()).DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: &d.kmsKey})
	if err != nil {
		t.Fatalf("key %s: %v", d.kmsKey, err)
	}
	if key.KeyMetadata.KeyState != kmstypes.KeyStateEnabled {
		t.Errorf("key %s is %s", d.kmsKey, key.KeyMetadata.KeyState)
	}
}
