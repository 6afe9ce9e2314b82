package dynamo

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// The layout of the table of webhooks. Names are short because DynamoDB bills
// them with every item; an ordinary webhook stays below the 1 KB of one write
// unit.
//
//	item              pk                     sk           attributes
//	webhook           A#<api>#<account>  E#<event>    i u p n q k o d t v c m s f g j da ls hs fs ix state_since sl nt
//	account           A#<api>#<account>  ACCOUNT      c x k pe
//	its tokens        A#<api>#<account>  T#<token id> h r c e
//	token             T#<sha256, hex>        TOKEN        a i r c e
//	list of accounts  ACCOUNTS#<api>     <account>    c
//	closing account   CLOSING            <account>    y
//	notice            NOTICES            <notice id>  a i c ls ty ev ss
//	sealing key       KEYRING                K#<key id>   b w c
const (
	attrPK = "pk"
	attrSK = "sk"

	attrID           = "i"           // S: id of a webhook or token
	attrURL          = "u"           // S
	attrPayload      = "p"           // BOOL: the full payload is wanted; absent for false
	attrPosition     = "n"           // N: absent for 0
	attrRequestID    = "q"           // S: names the request that made the webhook
	attrSealed       = "k"           // B: sealed signing key of a webhook or account; absent for none
	attrRetired      = "o"           // L of M: retired keys, each k and e; absent for none
	attrDisabled     = "d"           // BOOL: absent for false
	attrWhy          = "t"           // S: why Hookline disabled it; absent for none
	attrVersion      = "v"           // N
	attrCreated      = "c"           // N: milliseconds since 1970, like all times here
	attrModified     = "m"           // N: time of the latest change; absent for none
	attrSent         = "s"           // N: time of the latest success; absent for none
	attrFailed       = "f"           // N: time of the latest failure; absent for none
	attrFailures     = "g"           // N: failures since the latest success; absent for 0
	attrFailureCount = "j"           // S: names the call that counted the latest failure; absent for none
	attrDisabledAt   = "da"          // N: absent unless disabled
	attrLastStatus   = "ls"          // N: status of the latest response; absent for none
	attrHealthySince = "hs"          // N: since when attempts succeed; absent while they fail
	attrFailingSince = "fs"          // N: since when attempts fail; absent while they succeed
	attrFailingShard = "ix"          // S: <api>#<0 to 7>; absent unless it fails or is disabled
	attrStateSince   = "state_since" // N: since when it does; absent with ix
	attrSlow         = "sl"          // N: time of SlowSince; absent for none
	attrTold         = "nt"          // SS: types of the notices about its failures; absent for none
	attrNoticeType   = "ty"          // S: type of a notice
	attrEvents       = "ev"          // L of S: events of a notice
	attrNoticeSince  = "ss"          // N: since when the webhook has the state of a notice
	attrClosing      = "x"           // N: 1 while the account is being deleted
	attrClosingSince = "y"           // N
	attrAccount      = "a"           // S: <api>:<account>
	attrHash         = "h"           // B: SHA-256 of a token
	attrRights       = "r"           // N: bit set of webhook.Rights
	attrExpires      = "e"           // N: of a token, absent for never; of a retired key
	attrPublic       = "b"           // B: public key
	attrWrapped      = "w"           // B: wrapped private key; absent for none

	accountPrefix  = "A#"
	eventPrefix    = "E#"
	tokenPrefix    = "T#" // of a token's pk, and of the sk of its entry in the account's list
	keyPrefix      = "K#"
	accountSort    = "ACCOUNT"
	tokenSort      = "TOKEN"
	accountsPrefix = "ACCOUNTS#"
	closingPK      = "CLOSING"
	noticesPK      = "NOTICES"
	keyringPK      = "KEYRING"
	fenceSort      = "FENCE" // of an item that never exists
)

type item = map[string]types.AttributeValue

func accountPK(a webhook.Account) string {
	return accountPrefix + string(a.API) + "#" + a.ID
}

func accountKey(a webhook.Account) item { return key(accountPK(a), accountSort) }

// accountListKey returns the key of the account's entry in the list of
// accounts.
func accountListKey(a webhook.Account) item { return key(accountsPrefix+string(a.API), a.ID) }

// closingKey returns the key of the account's entry in the list of accounts
// that are being deleted.
func closingKey(a webhook.Account) item { return key(closingPK, a.String()) }

func tokenPK(h webhook.TokenHash) string { return tokenPrefix + hex.EncodeToString(h[:]) }

func key(pk, sk string) item { return item{attrPK: str(pk), attrSK: str(sk)} }

func encodeWebhook(w webhook.Webhook) item {
	it := webhookKey(w)
	it[attrID] = str(w.ID)
	it[attrRequestID] = str(w.RequestID)
	it[attrURL] = str(w.URL)
	it[attrVersion] = num(w.Version)
	it[attrCreated] = num(w.CreatedAt.UnixMilli())
	putFlag(it, attrPayload, w.SendPayload)
	putNum(it, attrPosition, int64(w.Position))
	putBytes(it, attrSealed, w.SealedKey)
	putRetired(it, w.RetiredKeys)
	putFlag(it, attrDisabled, w.Disabled)
	putStr(it, attrWhy, w.DisabledReason)
	putTime(it, attrModified, w.UpdatedAt)
	putTime(it, attrSlow, w.SlowSince)
	putTime(it, attrSent, w.Statistics.LastSentAt)
	putTime(it, attrFailed, w.Statistics.LastFailedAt)
	putNum(it, attrFailures, w.Statistics.FailedAttempts)
	putTime(it, attrDisabledAt, w.DisabledAt)
	putNum(it, attrLastStatus, int64(w.Statistics.LastStatus))
	if w.Statistics.Told != 0 {
		it[attrTold] = toldSet(w.Statistics.Told)
	}
	if w.Statistics.FailedAttempts > 0 {
		putTime(it, attrFailingSince, w.Statistics.Since)
	} else {
		putTime(it, attrHealthySince, w.Statistics.Since)
	}
	putFailing(it, w.EventKey(), w.FailingSince())
	return it
}

func putRetired(it item, keys []webhook.RetiredKey) {
	if len(keys) == 0 {
		return
	}
	list := make([]types.AttributeValue, len(keys))
	for i, k := range keys {
		retired := item{attrExpires: num(k.Until.UnixMilli())}
		putBytes(retired, attrSealed, k.Sealed)
		list[i] = &types.AttributeValueMemberM{Value: retired}
	}
	it[attrRetired] = &types.AttributeValueMemberL{Value: list}
}

func decodeWebhook(a webhook.Account, it item) (webhook.Webhook, error) {
	d := decoder{item: it}
	w := webhook.Webhook{
		Account:        a,
		Event:          d.sortAfter(eventPrefix),
		ID:             d.str(attrID),
		RequestID:      d.str(attrRequestID),
		URL:            d.str(attrURL),
		SendPayload:    d.flag(attrPayload),
		Position:       int(d.optionalNum(attrPosition)),
		SealedKey:      d.bytes(attrSealed),
		RetiredKeys:    d.retired(),
		Disabled:       d.flag(attrDisabled),
		DisabledReason: d.optionalStr(attrWhy),
		SlowSince:      d.optionalTime(attrSlow),
		Version:        d.num(attrVersion),
		CreatedAt:      d.time(attrCreated),
		UpdatedAt:      d.optionalTime(attrModified),
		Statistics: webhook.Statistics{
			LastSentAt:     d.optionalTime(attrSent),
			LastFailedAt:   d.optionalTime(attrFailed),
			FailedAttempts: d.optionalNum(attrFailures),
			Since:          d.optionalTime(attrHealthySince),
			LastStatus:     int(d.optionalNum(attrLastStatus)),
			Told:           d.told(),
		},
		DisabledAt: d.optionalTime(attrDisabledAt),
	}
	if w.Statistics.FailedAttempts > 0 {
		w.Statistics.Since = d.optionalTime(attrFailingSince)
	}
	if d.err != nil {
		return webhook.Webhook{}, fmt.Errorf("webhook record of %v: %w", a, d.err)
	}
	return w, nil
}

// encodeAccount returns the account's item and its entry in the list.
func encodeAccount(a webhook.AccountInfo) (account, listed item) {
	account, listed = accountKey(a.Account), accountListKey(a.Account)
	for _, it := range []item{account, listed} {
		it[attrCreated] = num(a.CreatedAt.UnixMilli())
	}
	if a.Closing {
		account[attrClosing] = num(1)
	}
	putBytes(account, attrSealed, a.SealedKey)
	putNum(account, attrEpoch, a.PortalEpoch)
	return account, listed
}

func decodeAccount(a webhook.Account, it item) (webhook.AccountInfo, error) {
	d := decoder{item: it}
	if a == (webhook.Account{}) { // the operator's, which nobody creates
		return webhook.AccountInfo{PortalEpoch: d.optionalNum(attrEpoch)}, d.err
	}
	info := webhook.AccountInfo{
		Account:   a,
		CreatedAt: d.time(attrCreated),
		Closing:   d.optionalNum(attrClosing) != 0,
		SealedKey: d.bytes(attrSealed),

		PortalEpoch: d.optionalNum(attrEpoch),
	}
	if d.err != nil {
		return webhook.AccountInfo{}, fmt.Errorf("account record of %v: %w", a, d.err)
	}
	return info, nil
}

// encodeToken returns the token's item and its entry in the account's list.
func encodeToken(t webhook.Token) (token, listed item) {
	token = key(tokenPK(t.Hash), tokenSort)
	token[attrAccount] = str(t.Account.String())
	token[attrID] = str(t.ID)
	listed = key(accountPK(t.Account), tokenPrefix+t.ID)
	putBytes(listed, attrHash, t.Hash[:])
	for _, it := range []item{token, listed} {
		it[attrRights] = num(int64(t.Rights))
		it[attrCreated] = num(t.CreatedAt.UnixMilli())
		putTime(it, attrExpires, t.ExpiresAt)
	}
	return token, listed
}

func decodeToken(h webhook.TokenHash, it item) (webhook.Token, error) {
	d := decoder{item: it}
	t := d.token()
	t.ID, t.Hash = d.str(attrID), h
	account := d.str(attrAccount)
	if d.err != nil {
		return webhook.Token{}, fmt.Errorf("token record: %w", d.err)
	}
	var err error
	if t.Account, err = webhook.ParseAccount(account); err != nil {
		return webhook.Token{}, fmt.Errorf("token record: %v", err)
	}
	return t, nil
}

func decodeListedToken(a webhook.Account, it item) (webhook.Token, error) {
	d := decoder{item: it}
	t := d.token()
	t.ID, t.Account = d.sortAfter(tokenPrefix), a
	if copy(t.Hash[:], d.bytes(attrHash)) != len(t.Hash) {
		d.fail(attrHash)
	}
	if d.err != nil {
		return webhook.Token{}, fmt.Errorf("token in the list of %v: %w", a, d.err)
	}
	return t, nil
}

func encodeSealingKey(k webhook.SealingKey) item {
	it := key(keyringPK, keyPrefix+k.ID)
	putBytes(it, attrPublic, k.Public)
	putBytes(it, attrWrapped, k.WrappedPrivate)
	it[attrCreated] = num(k.CreatedAt.UnixMilli())
	return it
}

func decodeSealingKey(it item) (webhook.SealingKey, error) {
	d := decoder{item: it}
	k := webhook.SealingKey{
		ID:             d.sortAfter(keyPrefix),
		Public:         d.bytes(attrPublic),
		WrappedPrivate: d.bytes(attrWrapped),
		CreatedAt:      d.time(attrCreated),
	}
	if d.err != nil {
		return webhook.SealingKey{}, fmt.Errorf("sealing key record: %w", d.err)
	}
	return k, nil
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// billed returns how many bytes DynamoDB bills for an item of scalars: names,
// and values in UTF-8 or raw; a number takes at most one byte for two digits
// and two more.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func billed(it item) int {
	size := 0
	for name, value := range it {
		size += len(name)
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			size += len(v.Value)
		case *types.AttributeValueMemberB:
			size += len(v.Value)
		case *types.AttributeValueMemberN:
			size += (len(v.Value)+1)/2 + 2
		case *types.AttributeValueMemberBOOL:
			size++
		}
	}
	return size
}

// putStr omits an empty string.
func putStr(it item, name, s string) {
	if s != "" {
		it[name] = str(s)
	}
}

// putNum omits 0.
func putNum(it item, name string, n int64) {
	if n != 0 {
		it[name] = num(n)
	}
}

// putFlag omits false.
func putFlag(it item, name string, on bool) {
	if on {
		it[name] = &types.AttributeValueMemberBOOL{Value: true}
	}
}

// putBytes omits empty bytes.
func putBytes(it item, name string, b []byte) {
	if len(b) > 0 {
		it[name] = &types.AttributeValueMemberB{Value: b}
	}
}

// putTime omits the zero time.
func putTime(it item, name string, t time.Time) {
	if !t.IsZero() {
		it[name] = num(t.UnixMilli())
	}
}
