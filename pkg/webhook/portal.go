package webhook

import "time"

// PortalPass is the record of a way into the portal: of a link, or of the
// session of a browser that entered by one. It holds the SHA-256 of the secret,
// never the secret itself.
type PortalPass struct {
	Hash TokenHash
	// Account is whose pages it leads to. It is zero for the operator's.
	Account Account
	// AccountCreatedAt and Epoch are those of the account when the link was
	// made. AccountCreatedAt is zero for the operator's.
	AccountCreatedAt time.Time
	Epoch            int64
	// Rights are Read, or that and Write.
	Rights Rights
	// ExpiresAt is when it stops being good, in UTC.
	ExpiresAt time.Time
	// Session is how long a session lasts that the link begins. It is 0 for a
	// session.
	Session time.Duration
}

// Good reports whether the pass is still good at now. account is its account as
// it is now: deleting it, or raising its PortalEpoch, ends all its passes, also
// if an account of the same name was created since.
func (p PortalPass) Good(account AccountInfo, now time.Time) bool {
	return now.Before(p.ExpiresAt) && account.Account == p.Account && !account.Closing &&
		account.CreatedAt.Equal(p.AccountCreatedAt) && account.PortalEpoch == p.Epoch
}
