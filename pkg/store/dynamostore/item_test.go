package dynamostore

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

var (
	testAccount = webhook.Account{Dialect: "abbeycross", ID: "fleet-7"}
	testTime    = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)
)

// A record costs one write unit, 1 KB, with the longest account, a UUID, a
// sealed key of 400 bytes and a URL of 350 characters.
func TestOrdinaryRecordFitsOneUnit(t *testing.T) {
	w := webhook.Webhook{
		Account: webhook.Account{Dialect: "abbeycross", ID: strings.Repeat("x", 64)},
		Event:   "shipment.customs_documents_rejected", ID: "01985d5e-7c3a-7d2e-9b7a-0123456789ab",
		Claim: "01985d5e-7c3a-7d2e-9b7a-0123456789ac",
		URL:   "https://" + strings.Repeat("u", 342), SendPayload: true, Position: 49,
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

func TestRoundTrips(t *testing.T) {
	full := webhook.Webhook{
		Account: testAccount, Event: "e", ID: "i", URL: "https://ü.example/\u2028", SendPayload: true,
		Position: 3, SealedKey: []byte{0, 255}, Version: 1 << 60, CreatedAt: testTime, UpdatedAt: testTime.Add(time.Hour),
		RetiredKeys: []webhook.RetiredKey{{Sealed: []byte{1}, Until: testTime}, {Sealed: []byte{0, 2}, Until: testTime.Add(time.Minute)}},
		Disabled:    true, DisabledReason: "why",
		Statistics: webhook.Statistics{LastSentAt: testTime, LastFailedAt: testTime.Add(time.Second), FailedAttempts: 1 << 40},
	}
	for _, w := range []webhook.Webhook{full, {Account: testAccount, Event: "e", ID: "i", URL: "u", Version: 1, CreatedAt: testTime}} {
		got, err := decodeWebhook(testAccount, encodeWebhook(w))
		if diff := cmp.Diff(w, got); err != nil || diff != "" {
			t.Errorf("webhook: %v (-want +got):\n%s", err, diff)
		}
	}
	for _, want := range []webhook.AccountInfo{
		{Account: testAccount, CreatedAt: testTime},
		{Account: testAccount, CreatedAt: testTime, Closing: true, SealedKey: []byte{0, 1}},
	} {
		account, _ := encodeAccount(want)
		got, err := decodeAccount(testAccount, account)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("account: %v (-want +got):\n%s", err, diff)
		}
	}
	for _, want := range []webhook.Token{
		{ID: "t", Account: testAccount, Hash: webhook.HashToken("x"), Rights: webhook.Publish, CreatedAt: testTime, ExpiresAt: testTime},
		{ID: "t", Account: testAccount, Hash: webhook.HashToken("y"), Rights: 255, CreatedAt: testTime},
	} {
		token, listed := encodeToken(want)
		got, err := decodeToken(want.Hash, token)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("token: %v (-want +got):\n%s", err, diff)
		}
		got, err = decodeListedToken(testAccount, listed)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("listed token: %v (-want +got):\n%s", err, diff)
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
