package webhook

import (
	"fmt"
	"strings"
	"time"
)

// API names a registration API: "squake", "shoptet" or "abbeycross". It is the
// part of an account before the colon.
type API string

// Account identifies one customer installation of one API. Webhooks, tokens and
// signing keys belong to an account; accounts never see each other.
type Account struct {
	API API
	ID  string // 1 to 64 of A-Z a-z 0-9 _ -; an API may allow fewer
}

// maxAccountID is the maximum length of an account id in bytes
// (docs/contracts/README.md, Accounts).
const maxAccountID = 64

// ParseAccount parses an account of the form "<api>:<id>". It returns an error
// that wraps [ErrInvalid] and says what is wrong. It does not check that the
// API exists or that the id follows the API's own rule.
func ParseAccount(s string) (Account, error) {
	api, id, found := strings.Cut(s, ":")
	switch {
	case !found || api == "":
		return Account{}, fmt.Errorf("account %q: %w: write it <api>:<id>, such as squake:acme", s, ErrInvalid)
	case len(id) == 0 || len(id) > maxAccountID || strings.Trim(id, accountIDChars) != "":
		return Account{}, fmt.Errorf("account %q: %w: the id is 1 to %d of A-Z a-z 0-9 _ -", s, ErrInvalid, maxAccountID)
	}
	return Account{API: API(api), ID: id}, nil
}

const accountIDChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

// String returns the account in the form that [ParseAccount] reads.
func (a Account) String() string { return string(a.API) + ":" + a.ID }

// ClosingAccount is an account that is being deleted.
type ClosingAccount struct {
	Account Account
	// Since is when it was closed, or when its last tokens were revoked.
	Since time.Time
}

// AccountInfo is the record of an account.
type AccountInfo struct {
	Account   Account
	CreatedAt time.Time
	// Closing is true while the account is being deleted.
	Closing bool
	// SealedKey is the account's signing key, encrypted by package seal. It is
	// nil if the account has none.
	SealedKey []byte
	// PortalEpoch is how often all ways into the portal were ended: see
	// [PortalPass].
	PortalEpoch int64
}
