package dynamo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// Links and sessions of the portal are items of the table of deliveries, since
// DynamoDB removes there what has expired. Those of the operator have a leading
// key of their own, so that a role for those of accounts neither reads nor makes
// them. The epoch is an attribute of the account's item, whose key for the
// operator is that of the zero account.
const (
	attrEpoch        = "pe" // N: PortalEpoch of an account, epoch of a pass; absent for 0
	attrSessionLasts = "sd" // N: milliseconds of the session that a link begins; absent for a session

	linkPrefix     = "L#"
	linkSort       = "LINK"
	sessionPrefix  = "S#"
	sessionSort    = "SESSION"
	operatorPrefix = "O" // before the others: "OL#", "OS#"
)

func linkKey(a webhook.Account, h webhook.TokenHash) item { return passKey(linkPrefix, linkSort, a, h) }

func sessionKey(a webhook.Account, h webhook.TokenHash) item {
	return passKey(sessionPrefix, sessionSort, a, h)
}

// passKey returns the key of a pass of an account, or of the operator if that is
// zero.
func passKey(prefix, sort string, a webhook.Account, h webhook.TokenHash) item {
	if a == (webhook.Account{}) {
		prefix = operatorPrefix + prefix
	}
	return key(prefix+hex.EncodeToString(h[:]), sort)
}

// encodePass returns the item of a pass without its key. Its account is part of
// its secret and known to every reader; the attribute is what it is compared
// with.
func encodePass(k item, p webhook.PortalPass) item {
	k[attrAccount] = str(p.Account.String())
	k[attrRights] = num(int64(p.Rights))
	k[attrExpires] = num(p.ExpiresAt.UnixMilli())
	k[attrExpiry] = num(p.ExpiresAt.Add(time.Second).Unix()) // in whole seconds, so never sooner
	putTime(k, attrCreated, p.AccountCreatedAt)
	putNum(k, attrEpoch, p.Epoch)
	putNum(k, attrSessionLasts, p.Session.Milliseconds())
	return k
}

func decodePass(a webhook.Account, h webhook.TokenHash, it item) (webhook.PortalPass, error) {
	d := decoder{item: it}
	p := webhook.PortalPass{
		Hash: h, Account: a, AccountCreatedAt: d.optionalTime(attrCreated), Epoch: d.optionalNum(attrEpoch),
		Rights: d.rights(), ExpiresAt: d.time(attrExpires), Session: time.Duration(d.optionalNum(attrSessionLasts)) * time.Millisecond,
	}
	if d.err != nil {
		return webhook.PortalPass{}, fmt.Errorf("portal pass of %v: %w", a, d.err)
	}
	return p, nil
}

// AddPortalLink implements [store.Portal].
func (s *Store) AddPortalLink(ctx context.Context, link webhook.PortalPass) error {
	return s.addPass(ctx, fmt.Sprintf("add portal link of %v", link.Account), encodePass(linkKey(link.Account, link.Hash), link))
}

// AddPortalSession implements [store.Portal].
func (s *Store) AddPortalSession(ctx context.Context, p webhook.PortalPass) error {
	return s.addPass(ctx, fmt.Sprintf("add portal session of %v", p.Account), encodePass(sessionKey(p.Account, p.Hash), p))
}

// addPass adds a pass. It is a transaction, though of one item: a try whose
// response was lost must not bring back a link that was used since, or a session
// that has ended.
func (s *Store) addPass(ctx context.Context, op string, pass item) error {
	if s.deliveries == nil {
		return fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	return s.transact(ctx, op, []types.TransactWriteItem{{Put: &types.Put{TableName: s.deliveries, Item: pass}}})
}

// PortalLink implements [store.Portal] with one BatchGetItem.
func (s *Store) PortalLink(ctx context.Context, a webhook.Account, h webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error) {
	return s.pass(ctx, linkKey(a, h), a, h)
}

// PortalSession implements [store.Portal] with one BatchGetItem.
func (s *Store) PortalSession(ctx context.Context, a webhook.Account, h webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error) {
	return s.pass(ctx, sessionKey(a, h), a, h)
}

func (s *Store) pass(ctx context.Context, k item, a webhook.Account, h webhook.TokenHash) (p webhook.PortalPass, info webhook.AccountInfo, err error) {
	d := decoder{item: k}
	op := fmt.Sprintf("read portal %s of %v", d.str(attrSK), a)
	if s.deliveries == nil {
		return p, info, fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	passKey, account := itemKey{*s.deliveries, d.str(attrPK), d.str(attrSK)}, s.accountKey(a)
	found, err := s.read(ctx, op, []itemKey{passKey, account})
	if err != nil {
		return p, info, err
	}
	it, there := found[passKey]
	if !there || !same(it[attrAccount], str(a.String())) {
		return p, info, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	if p, err = decodePass(a, h, it); err != nil {
		return p, info, fmt.Errorf("%s: %w", op, err)
	}
	if owner, there := found[account]; there {
		info, err = decodeAccount(a, owner)
	}
	return p, info, err
}

// BeginPortalSession implements [store.Portal] with one TransactWriteItems.
func (s *Store) BeginPortalSession(ctx context.Context, link webhook.TokenHash, p webhook.PortalPass) error {
	op := fmt.Sprintf("begin portal session of %v", p.Account)
	if s.deliveries == nil {
		return fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	err := s.transact(ctx, op, []types.TransactWriteItem{
		{Delete: &types.Delete{TableName: s.deliveries, Key: linkKey(p.Account, link), ConditionExpression: aws.String(ifPresent)}},
		{Put: &types.Put{TableName: s.deliveries, Item: encodePass(sessionKey(p.Account, p.Hash), p)}},
	})
	if isCancelled(err) {
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return err
}

// EndPortalSession implements [store.Portal] with one DeleteItem.
func (s *Store) EndPortalSession(ctx context.Context, a webhook.Account, h webhook.TokenHash) error {
	op := fmt.Sprintf("end portal session of %v", a)
	if s.deliveries == nil {
		return fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	in := &dynamodb.DeleteItemInput{TableName: s.deliveries, Key: sessionKey(a, h)}
	return s.call(ctx, op, idempotent, func(ctx context.Context) error {
		_, err := s.client.DeleteItem(ctx, in)
		return err
	})
}

// EndPortal implements [store.Portal] with one UpdateItem.
func (s *Store) EndPortal(ctx context.Context, a webhook.Account) error {
	op := fmt.Sprintf("end portal of %v", a)
	in := &dynamodb.UpdateItemInput{
		TableName: s.table, Key: accountKey(a), UpdateExpression: aws.String("ADD " + attrEpoch + " :one"),
		ExpressionAttributeValues: item{":one": num(1)},
	}
	if a != (webhook.Account{}) {
		in.ConditionExpression = aws.String(ifPresent)
	}
	err := s.update(ctx, op, idempotent, in)
	if _, refused := errors.AsType[*types.ConditionalCheckFailedException](err); refused {
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return err
}
