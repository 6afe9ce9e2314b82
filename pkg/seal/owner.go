package seal

import (
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

// Scope says what a signing key belongs to.
type Scope string

// The scopes there are.
const (
	ScopeWebhook Scope = "webhook"
	ScopeAccount Scope = "account"
)

// Owner says whose key is sealed. It is bound into the sealed key, which opens
// for no other owner. The event is no part of it, so that a webhook can change
// its event and keep its sealed key.
type Owner struct {
	Account webhook.Account
	Scope   Scope
	// ID is the webhook's id, or the account's.
	ID string
}

// WebhookKey is the owner of the signing key of a's webhook id.
func WebhookKey(a webhook.Account, id string) Owner {
	return Owner{Account: a, Scope: ScopeWebhook, ID: id}
}

// AccountKey is the owner of the signing key that all webhooks of a share.
func AccountKey(a webhook.Account) Owner {
	return Owner{Account: a, Scope: ScopeAccount, ID: a.ID}
}

// String names the owner in errors and logs.
func (o Owner) String() string {
	if o.Scope == ScopeAccount {
		return fmt.Sprintf("account %s", o.Account)
	}
	return fmt.Sprintf("%s %s of %s", o.Scope, o.ID, o.Account)
}

// check fails, wrapping webhook.ErrInvalid, on an owner that names nobody.
func (o Owner) check() error {
	known := o.Scope == ScopeWebhook || o.Scope == ScopeAccount
	if !known || o.Account.API == "" || o.Account.ID == "" || o.ID == "" {
		return fmt.Errorf("owner %q: %w: account, scope and id must be set", o, webhook.ErrInvalid)
	}
	return nil
}
