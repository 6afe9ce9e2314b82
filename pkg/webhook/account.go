package webhook

import (
	"fmt"
	"strings"
	"time"
)

// API names one registration API, as it stands before the colon of an
// account: "squake", "shoptet", "abbeycross".
type API string

// Account names one customer installation of one API. Webhooks, tokens and
// signing keys belong to an account, and accounts never see each other.
type Account struct {
	API API
	ID  string // 1 to 64 of A-Z a-z 0-9 _ -; an API may allow less
}

// maxAccountID is the longest account id in bytes (docs/contracts/README.md,
// Accounts).
const maxAccountID = 64

// ParseAccount reads an account written "<api>:<id>". The error wraps
// ErrInvalid and says what is wrong. Whether the API exists, and what its
// own rule for ids is, the API says.
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

// String gives the account as ParseAccount reads it.
func (a Account) String() string { return string(a.API) + ":" + a.ID }

// AccountInfo is what is kept of an account itself.
type AccountInfo struct {
	Account   Account
	CreatedAt time.Time
	// Closing is set while the account is being deleted.
	Closing bool
	// SealedKey is the account's own signing key as package seal encrypted
	// it; nil while it has none.
	SealedKey []byte
}
