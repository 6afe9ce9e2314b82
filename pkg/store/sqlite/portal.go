package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// kinds of portal_pass.
const (
	linkKind    = "link"
	sessionKind = "session"
)

const (
	insertPass = `INSERT INTO portal_pass (hash, kind, dialect, account, account_created_at, epoch, rights, expires_at, lasts)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	findPass = `SELECT p.account_created_at, p.epoch, p.rights, p.expires_at, p.lasts,
		a.id, a.created_at, a.closing, a.sealed_key, a.portal_epoch
		FROM portal_pass AS p LEFT JOIN account AS a ON a.dialect = p.dialect AND a.id = p.account
		WHERE p.hash = ? AND p.kind = ? AND p.dialect = ? AND p.account = ?`
	deletePass  = `DELETE FROM portal_pass WHERE hash = ? AND kind = ? AND dialect = ? AND account = ?`
	purgePasses = `DELETE FROM portal_pass WHERE expires_at < ?`
	raiseEpoch  = `UPDATE account SET portal_epoch = portal_epoch + 1 WHERE dialect = ? AND id = ?`
	addOperator = `INSERT INTO account (dialect, id, created_at, closing) VALUES ('', '', 0, false) ON CONFLICT DO NOTHING`
)

// AddPortalLink implements [store.Portal].
func (s *Store) AddPortalLink(ctx context.Context, link webhook.PortalPass) error {
	err := s.writer.write(ctx, func(tx *session) error { return tx.addPass(linkKind, link) })
	if err != nil {
		return fmt.Errorf("add portal link of %v: %w", link.Account, unknownOutcome(err))
	}
	return nil
}

// AddPortalSession implements [store.Portal].
func (s *Store) AddPortalSession(ctx context.Context, p webhook.PortalPass) error {
	err := s.writer.write(ctx, func(tx *session) error { return tx.addPass(sessionKind, p) })
	if err != nil {
		return fmt.Errorf("add portal session of %v: %w", p.Account, unknownOutcome(err))
	}
	return nil
}

func (tx *session) addPass(kind string, p webhook.PortalPass) error {
	_, err := tx.run(insertPass, p.Hash[:], kind, string(p.Account.API), p.Account.ID, p.AccountCreatedAt, p.Epoch, int64(p.Rights),
		p.ExpiresAt.UnixMilli(), p.Session.Milliseconds())
	return err
}

// PortalLink implements [store.Portal].
func (s *Store) PortalLink(ctx context.Context, a webhook.Account, h webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error) {
	return s.pass(ctx, linkKind, a, h)
}

// PortalSession implements [store.Portal].
func (s *Store) PortalSession(ctx context.Context, a webhook.Account, h webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error) {
	return s.pass(ctx, sessionKind, a, h)
}

// passOfAccount is a pass with its account as it is now.
type passOfAccount struct {
	pass    webhook.PortalPass
	account webhook.AccountInfo
}

func (s *Store) pass(ctx context.Context, kind string, a webhook.Account, h webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error) {
	found, err := find(ctx, s, findPass, func(r *row) (passOfAccount, error) {
		p := webhook.PortalPass{
			Hash: h, Account: a, AccountCreatedAt: r.time(), Epoch: r.int(), Rights: webhook.Rights(r.int()), //nolint:gosec // written from Rights
			ExpiresAt: r.time(), Session: time.Duration(r.int()) * time.Millisecond,
		}
		return passOfAccount{p, readAccount(a.API, r)}, nil
	}, h[:], kind, string(a.API), a.ID)
	if err != nil {
		return webhook.PortalPass{}, webhook.AccountInfo{}, fmt.Errorf("read portal %s of %v: %w", kind, a, err)
	}
	if found.account.Account.ID == "" { // none was joined, or it is the operator's
		found.account = webhook.AccountInfo{PortalEpoch: found.account.PortalEpoch}
	}
	return found.pass, found.account, nil
}

// BeginPortalSession implements [store.Portal].
func (s *Store) BeginPortalSession(ctx context.Context, link webhook.TokenHash, p webhook.PortalPass) error {
	err := s.writer.write(ctx, func(tx *session) error {
		if err := orElse(webhook.ErrNotFound)(tx.run(deletePass, link[:], linkKind, string(p.Account.API), p.Account.ID)); err != nil {
			return err
		}
		return tx.addPass(sessionKind, p)
	})
	if err != nil {
		return fmt.Errorf("begin portal session of %v: %w", p.Account, unknownOutcome(err))
	}
	return nil
}

// EndPortalSession implements [store.Portal].
func (s *Store) EndPortalSession(ctx context.Context, a webhook.Account, h webhook.TokenHash) error {
	err := s.writer.write(ctx, func(tx *session) error {
		_, err := tx.run(deletePass, h[:], sessionKind, string(a.API), a.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("end portal session of %v: %w", a, unknownOutcome(err))
	}
	return nil
}

// EndPortal implements [store.Portal].
func (s *Store) EndPortal(ctx context.Context, a webhook.Account) error {
	err := s.writer.write(ctx, func(tx *session) error {
		if a == (webhook.Account{}) {
			if _, err := tx.run(addOperator); err != nil {
				return err
			}
		}
		return orElse(webhook.ErrNotFound)(tx.run(raiseEpoch, string(a.API), a.ID))
	})
	if err != nil {
		return fmt.Errorf("end portal of %v: %w", a, unknownOutcome(err))
	}
	return nil
}
