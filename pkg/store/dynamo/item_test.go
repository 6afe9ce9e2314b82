package dynamo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

var (
	testAccount = webhook.Account{API: "abbeycross", ID: "fleet-7"}
	testTime    = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)
)

// A record costs one write unit, 1 KB, with the longest account, a UUID, a
// sealed key of 400 bytes and a URL of 350 characters.
func TestOrdinaryRecordFitsOneUnit(t *testing.T) {
	w := webhook.Webhook{
		Account: webhook.Account{API: "abbeycross", ID: strings.Repeat("x", 64)},
		Event:   "shipment.customs_documents_rejected", ID: "01985d5e-7c3a-7d2e-9b7a-0123456789ab",
		RequestID: "01985d5e-7c3a-7d2e-9b7a-0123456789ac",
		URL:       "https://" + strings.Repeat("u", 342), SendPayload: true, Position: 49,
		SealedKey: make([]byte, 400), Version: 1, CreatedAt: testTime, UpdatedAt: testTime,
	}
	if size := billed(encodeWebhook(w)); size > 1024 {
		t.Errorf("the record has %d bytes, want 1024 at most", size)
	}
}

func TestKeys(t *testing.T) {
	w := encodeWebhook(webhook.Webhook{Account: testAccount, Event: "order:*"})
	hash := webhook.HashToken("secret")
	token, listed := encodeToken(webhook.Token{ID: "t1", Account: testAccount, Hash: hash})
	account, inList := encodeAccount(webhook.AccountInfo{Account: testAccount})
	for name, tt := range map[string]struct {
		item   item
		pk, sk string
	}{
		"webhook":      {w, "A#abbeycross#fleet-7", "E#order:*"},
		"account":      {account, "A#abbeycross#fleet-7", "ACCOUNT"},
		"in the list":  {inList, "ACCOUNTS#abbeycross", "fleet-7"},
		"token":        {token, "T#2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", "TOKEN"},
		"listed token": {listed, "A#abbeycross#fleet-7", "T#t1"},
		"sealing key":  {encodeSealingKey(webhook.SealingKey{ID: "k1"}), "KEYRING", "K#k1"},
	} {
		d := decoder{item: tt.item}
		if pk, sk := d.str("pk"), d.str("sk"); pk != tt.pk || sk != tt.sk {
			t.Errorf("%s: key is %q, %q, want %q, %q", name, pk, sk, tt.pk, tt.sk)
		}
	}
}

// A record that lacks an attribute or has one of another type is our own
// fault, and the error shows no value.
func TestDecodeRefusesMalformed(t *testing.T) {
	const secret = "do-not-show"
	webhookItem := func() item {
		return encodeWebhook(webhook.Webhook{
			Account: testAccount, Event: "e", ID: secret, URL: secret, SealedKey: []byte(secret),
			SendPayload: true, Position: 1, Version: 1, CreatedAt: testTime, UpdatedAt: testTime, Disabled: true, DisabledReason: secret,
			RetiredKeys: []webhook.RetiredKey{{Sealed: []byte(secret), Until: testTime}},
			Statistics:  webhook.Statistics{LastSentAt: testTime, LastFailedAt: testTime, FailedAttempts: 1},
		})
	}
	wrong := &types.AttributeValueMemberL{Value: []types.AttributeValue{str(secret)}}
	keyOfNoTime := item{attrSealed: str(secret)}
	for _, name := range []string{"sk", "i", "u", "p", "n", "k", "o", "d", "t", "v", "c", "m", "s", "f", "g"} {
		it := webhookItem()
		it[name] = wrong
		_, err := decodeWebhook(testAccount, it)
		if err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), `"`+name+`"`) {
			t.Errorf("webhook with wrong %q: error = %v", name, err)
		}
	}
	it := webhookItem()
	it[attrRetired] = &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberM{Value: keyOfNoTime}}}
	if _, err := decodeWebhook(testAccount, it); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("webhook with a retired key of no time: error = %v", err)
	}
	hash := webhook.HashToken(secret)
	token, listed := encodeToken(webhook.Token{ID: "t", Account: testAccount, Hash: hash, CreatedAt: testTime})
	token[attrRights] = num(256)
	if _, err := decodeToken(hash, token); err == nil {
		t.Error("a token with rights that do not exist was read")
	}
	token[attrRights], token[attrAccount] = num(1), str("nobody")
	if _, err := decodeToken(hash, token); err == nil {
		t.Error("a token of no account was read")
	}
	putBytes(listed, attrHash, hash[:31])
	if _, err := decodeListedToken(testAccount, listed); err == nil {
		t.Error("a token with a short hash was read")
	}
	key := encodeSealingKey(webhook.SealingKey{ID: "k", Public: bytes.Repeat([]byte{4}, 65), CreatedAt: testTime})
	key[attrCreated] = &types.AttributeValueMemberN{Value: "soon"}
	if _, err := decodeSealingKey(key); err == nil {
		t.Error("a sealing key made at no time was read")
	}
}

// testDelivery has every field, at a time to the millisecond.
func testDelivery() webhook.Delivery {
	d := webhook.Delivery{
		Account: testAccount, Event: "order:create", EventID: "do-not-show", Time: testTime, Number: 1<<53 - 1,
		Instance: "2026/17", Payload: []byte(`{"do-not-show":1}`), WebhookID: "w1", URL: "https://do-not-show.example",
		AcceptedAt: testTime.Add(time.Second), Attempts: 2, AttemptedAt: testTime.Add(time.Minute), Status: webhook.StatusRetrying,
		Next: testTime.Add(time.Hour), Due: testTime.Add(2 * time.Hour), Sends: 3, StatusCode: 503,
		Reason: "do-not-show",
	}
	d.Content = webhook.Event{Instance: d.Instance, Payload: d.Payload}.Content()
	return d
}

// recordOf is the record of a delivery whose payload is not apart.
func recordOf(t *testing.T, d webhook.Delivery) item {
	t.Helper()
	record, payload := encodeDelivery(d)
	if payload != nil {
		t.Fatal("the payload is apart")
	}
	return record
}

func TestDeliveryItem(t *testing.T) {
	bare := webhook.Delivery{Account: testAccount, Event: "e", Time: testTime, WebhookID: "w", URL: "u", AcceptedAt: testTime}
	for _, want := range []webhook.Delivery{testDelivery(), bare} {
		it := recordOf(t, want)
		it[attrAcceptance] = str("mark")
		got, err := decodeDelivery(testAccount, it)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	id := testDelivery().ID()
	d := decoder{item: recordOf(t, testDelivery())}
	// testTime is 1772600767089 ms, or 0x19cb73d3271.
	if pk, sk := d.str("pk"), d.str("sk"); pk != "A#abbeycross#fleet-7" || sk != "D#019cb73d3271#"+id[12:] {
		t.Errorf("key is %q, %q", pk, sk)
	}
	// 8 days after acceptance, in seconds.
	if expiry := d.num("z"); expiry != 1772600768+8*86400 {
		t.Errorf("it expires at %d", expiry)
	}
	wrong := &types.AttributeValueMemberL{Value: []types.AttributeValue{str("do-not-show")}}
	for _, name := range []string{
		"sk", "i", "y", "u", "h", "l", "n", "a", "t", "d", "s", "p", "c", "k", "b", "f", "x", "due", "m", "o", "r",
	} {
		it := recordOf(t, testDelivery())
		it[name] = wrong
		if _, err := decodeDelivery(testAccount, it); err == nil || strings.Contains(err.Error(), "do-not-show") {
			t.Errorf("delivery with wrong %q: error = %v", name, err)
		}
	}
	for name, value := range map[string]types.AttributeValue{"s": num(3), "sk": str("D#soon#0")} {
		it := recordOf(t, testDelivery())
		it[name] = value
		if _, err := decodeDelivery(testAccount, it); err == nil {
			t.Errorf("delivery with %q = %v was read", name, value)
		}
	}
}

// A payload is apart where its record could come to cost more than one unit;
// the record costs no more than one whatever attempts come to.
func TestPayloadApart(t *testing.T) {
	d := testDelivery()
	d.Attempts, d.AttemptedAt, d.Status, d.Sends, d.StatusCode, d.Reason = 0, time.Time{}, webhook.StatusPending, 0, 0, ""
	apart := 0
	for size := range 1200 {
		d.Payload = []byte(strings.Repeat("x", size))
		record, payload := encodeDelivery(d)
		ended := d
		ended.Attempts, ended.AttemptedAt, ended.Status, ended.Sends = 99, testTime, webhook.StatusRetrying, 99
		ended.StatusCode, ended.Reason = 599, strings.Repeat("r", 80)
		maps.Copy(record, encodeResult(d.Account, d.ID(), ended))
		record[attrAcceptance] = str(strings.Repeat("x", 36))
		if got := billed(record); got > 1024 {
			t.Fatalf("with a payload of %d bytes, apart: %t, the record comes to %d bytes", size, payload != nil, got)
		}
		if payload == nil {
			if apart != 0 {
				t.Fatalf("a payload of %d bytes is apart, one of %d is not", apart, size)
			}
			continue
		}
		if apart == 0 {
			apart = size
		}
		of := decoder{item: payload}
		ref := webhook.Event{Instance: d.Instance, Payload: d.Payload}.Content()
		if of.str("pk") != "A#abbeycross#fleet-7" || of.str("sk") != "P#"+d.ID()+"#"+ref || len(of.bytes("b")) != size ||
			of.num("z") != 1772600768+9*86400 || record[attrBody] != nil || !same(record[attrBodyRef], str(ref)) {
			t.Fatalf("a payload of %d bytes is apart at %q %q", size, of.str("pk"), of.str("sk"))
		}
	}
	if apart < 300 || apart > 700 {
		t.Errorf("payloads are apart from %d bytes on", apart)
	}
}

// An entry of the index gives what a message asks for.
func TestPendingItem(t *testing.T) {
	d := testDelivery()
	d.Payload = []byte(strings.Repeat("x", 2000))
	record, _ := encodeDelivery(d)
	d.PayloadRef = webhook.Event{Instance: d.Instance, Payload: d.Payload}.Content()
	entry := func() item {
		it := item{}
		for _, name := range append(projected[:], attrPK, attrSK, attrShard, attrDue) {
			it[name] = record[name]
		}
		return it
	}
	got, err := decodePending(entry())
	want := webhook.Pending{Message: d.Message(), Due: d.Due, Sends: d.Sends}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, value := range map[string]types.AttributeValue{
		"pk": str("A#do-not-show"), "sk": str("D#do-not-show"), "y": num(1), "a": str("do-not-show"), "x": str("do-not-show"),
		"due": nil, "m": str("do-not-show"), "f": num(1),
	} {
		it := entry()
		it[name] = value
		if _, err := decodePending(it); err == nil || strings.Contains(err.Error(), "do-not-show") {
			t.Errorf("entry with wrong %q: error = %v", name, err)
		}
	}
}

// Deliveries are spread over all shards, also those of one account, of one
// event's id at many times, and of many ids at one time.
func TestShards(t *testing.T) {
	for name, edit := range map[string]func(d *webhook.Delivery, n int){
		"times":    func(d *webhook.Delivery, n int) { d.Time = d.Time.Add(time.Duration(n) * time.Millisecond) },
		"ids":      func(d *webhook.Delivery, n int) { d.EventID = fmt.Sprint(n) },
		"accounts": func(d *webhook.Delivery, n int) { d.Account.ID = fmt.Sprint(n) },
	} {
		var counts [shards]int
		for n := range 100 * shards {
			d := testDelivery()
			edit(&d, n)
			counts[shard(accountPK(d.Account), d.ID())]++
		}
		for n, count := range counts {
			if count < 50 || count > 150 {
				t.Errorf("%s: shard %d has %d of %d, want about 100", name, n, count, 100*shards)
			}
		}
	}
}

// wire writes an item as DynamoDB's answers have it.
func wire(t *testing.T, it item) string {
	t.Helper()
	fields := map[string]map[string]any{}
	for name, value := range it {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			fields[name] = map[string]any{"S": v.Value}
		case *types.AttributeValueMemberN:
			fields[name] = map[string]any{"N": v.Value}
		case *types.AttributeValueMemberB:
			fields[name] = map[string]any{"B": base64.StdEncoding.EncodeToString(v.Value)}
		case *types.AttributeValueMemberBOOL:
			fields[name] = map[string]any{"BOOL": v.Value}
		default:
			t.Fatalf("attribute %q has type %T", name, value)
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// exists answers that a condition failed because of the record; nil for none.
func exists(t *testing.T, record item) step {
	t.Helper()
	body := `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"m"`
	if record != nil {
		body += `,"Item":` + wire(t, record)
	}
	return says(http.StatusBadRequest, body+"}")
}
