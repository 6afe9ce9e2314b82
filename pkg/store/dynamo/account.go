package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// Webhooks implements [store.Store].
func (s *Store) Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error) {
	items, err := s.query(ctx, fmt.Sprintf("list webhooks of %v", a), accountPK(a), eventPrefix)
	if err != nil {
		return nil, err
	}
	return decodeAll(items, func(it item) (webhook.Webhook, error) { return decodeWebhook(a, it) })
}

// WebhooksByID implements [store.Store]. It reads all webhooks of the account,
// which has at most as many as there are events.
func (s *Store) WebhooksByID(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error) {
	list, err := s.Webhooks(ctx, a)
	return slices.DeleteFunc(list, func(w webhook.Webhook) bool { return w.ID != id }), err
}

// CreateAccount implements [store.Store]. One transaction puts the account and
// its entry in the list of accounts. Who was told that the account exists may
// delete it: no earlier try may make it afterwards.
func (s *Store) CreateAccount(ctx context.Context, a webhook.AccountInfo) error {
	account, listed := encodeAccount(a)
	op := fmt.Sprintf("create account %v", a.Account)
	err := s.transactFenced(ctx, op, a.Account, []types.TransactWriteItem{s.putNew(account), s.putNew(listed)})
	if isCancelled(err) {
		return fmt.Errorf("%s: %w", op, webhook.ErrExists)
	}
	return err
}

// Account implements [store.Store].
func (s *Store) Account(ctx context.Context, a webhook.Account) (webhook.AccountInfo, error) {
	op := fmt.Sprintf("read account %v", a)
	it, err := s.get(ctx, op, accountKey(a))
	switch {
	case err != nil:
		return webhook.AccountInfo{}, err
	case it == nil:
		return webhook.AccountInfo{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return decodeAccount(a, it)
}

// Accounts implements [store.Store]. It reads the list of accounts, then the
// accounts in batches. An account that is deleted meanwhile is omitted.
func (s *Store) Accounts(ctx context.Context, d webhook.API) ([]webhook.AccountInfo, error) {
	op := fmt.Sprintf("list accounts of %s", d)
	listed, err := s.query(ctx, op, accountsPrefix+string(d), "")
	if err != nil {
		return nil, err
	}
	return s.listedAccounts(ctx, op, d, listed)
}

// AccountsAfter implements [store.Store]. It reads one page of the list of
// accounts, then its accounts in batches.
func (s *Store) AccountsAfter(ctx context.Context, d webhook.API, after string, limit int) (list []webhook.AccountInfo, next string, err error) {
	op := fmt.Sprintf("list accounts of %s", d)
	in := &dynamodb.QueryInput{
		TableName:                 s.table,
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": str(accountsPrefix + string(d))},
		Limit:                     aws.Int32(int32(min(limit, maxAccountPage))), //nolint:gosec // at most maxAccountPage
	}
	if after != "" {
		in.ExclusiveStartKey = accountListKey(webhook.Account{API: d, ID: after})
	}
	var listed []item
	err = s.pages(ctx, op, in, func(page []item) (more bool, err error) {
		listed = page
		return false, nil
	})
	if err != nil {
		return nil, "", err
	}
	if len(listed) == int(*in.Limit) {
		dec := decoder{item: listed[len(listed)-1]}
		next = dec.str(attrSK)
	}
	list, err = s.listedAccounts(ctx, op, d, listed)
	return list, next, err
}

// maxAccountPage bounds the items of one page.
const maxAccountPage = 1000

// listedAccounts reads the accounts of entries of the list.
func (s *Store) listedAccounts(ctx context.Context, op string, d webhook.API, listed []item) ([]webhook.AccountInfo, error) {
	accounts, err := decodeAll(listed, func(it item) (webhook.Account, error) {
		dec := decoder{item: it}
		return webhook.Account{API: d, ID: dec.str(attrSK)}, dec.err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	keys := make([]itemKey, len(accounts))
	for i, a := range accounts {
		keys[i] = s.accountKey(a)
	}
	found, err := s.read(ctx, op, keys)
	if err != nil {
		return nil, err
	}
	infos := make([]webhook.AccountInfo, 0, len(accounts))
	for i, a := range accounts {
		it, there := found[keys[i]]
		if !there {
			continue
		}
		info, err := decodeAccount(a, it)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// CreateToken implements [store.Store]. One transaction checks that the account
// exists and is not closing, and puts the token and its entry in the account's
// list. A token that was refused never comes to an account of that id later.
func (s *Store) CreateToken(ctx context.Context, t webhook.Token) error {
	token, listed := encodeToken(t)
	op := fmt.Sprintf("create token %s of %v", t.ID, t.Account)
	err := s.transactFenced(ctx, op, t.Account, []types.TransactWriteItem{
		{ConditionCheck: &types.ConditionCheck{
			TableName:           s.table,
			Key:                 accountKey(t.Account),
			ConditionExpression: aws.String(ifOpen),
		}},
		s.putNew(token), s.putNew(listed),
	})
	var cancelled *types.TransactionCanceledException
	switch {
	case !errors.As(err, &cancelled):
		return err
	case len(cancelled.CancellationReasons) > 0 && aws.ToString(cancelled.CancellationReasons[0].Code) == reasonCondition:
		return fmt.Errorf("%s: account: %w", op, webhook.ErrNotFound)
	}
	return fmt.Errorf("%s: %w", op, webhook.ErrExists)
}

// Token implements [store.Store].
func (s *Store) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	const op = "find token"
	it, err := s.get(ctx, op, key(tokenPK(h), tokenSort))
	switch {
	case err != nil:
		return webhook.Token{}, err
	case it == nil:
		return webhook.Token{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return decodeToken(h, it)
}

// Tokens implements [store.Store].
func (s *Store) Tokens(ctx context.Context, a webhook.Account) ([]webhook.Token, error) {
	items, err := s.query(ctx, fmt.Sprintf("list tokens of %v", a), accountPK(a), tokenPrefix)
	if err != nil {
		return nil, err
	}
	return decodeAll(items, func(it item) (webhook.Token, error) { return decodeListedToken(a, it) })
}

// RevokeToken implements [store.Store]. It finds the token in the account's
// list, then deletes both items in one transaction.
func (s *Store) RevokeToken(ctx context.Context, a webhook.Account, id string) error {
	op := fmt.Sprintf("revoke token %.64s of %v", id, a)
	at := itemKey{*s.table, accountPK(a), tokenPrefix + id}
	if !at.holds() {
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	listed := key(at.pk, at.sk)
	it, err := s.get(ctx, op, listed)
	switch {
	case err != nil:
		return err
	case it == nil:
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	t, err := decodeListedToken(a, it)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	err = s.transact(ctx, op, []types.TransactWriteItem{
		{Delete: &types.Delete{
			TableName:                 s.table,
			Key:                       listed,
			ConditionExpression:       aws.String(attrHash + " = :h"),
			ExpressionAttributeValues: item{":h": it[attrHash]},
		}},
		{Delete: &types.Delete{TableName: s.table, Key: key(tokenPK(t.Hash), tokenSort)}},
	})
	if isCancelled(err) { // another caller was faster
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return err
}

func (s *Store) putNew(it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName: s.table, Item: it, ConditionExpression: aws.String(ifAbsent),
	}}
}

func isCancelled(err error) bool {
	var cancelled *types.TransactionCanceledException
	return errors.As(err, &cancelled)
}

func decodeAll[T any](items []item, decode func(item) (T, error)) ([]T, error) {
	list := make([]T, len(items))
	for i, it := range items {
		var err error
		if list[i], err = decode(it); err != nil {
			return nil, err
		}
	}
	return list, nil
}
