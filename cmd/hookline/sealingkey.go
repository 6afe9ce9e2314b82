package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hookline/hookline/pkg/seal/keyfile"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// sealingKey returns the key of the data directory after checking that the
// store's data is sealed with it.
//
// At the first start no key exists. The key file is made durable, then its id
// is recorded in the store, and only then can anything be sealed. If the
// process dies in between, the next start uses the key of the file. Later
// starts never create a key: a missing or different one is an error.
func sealingKey(ctx context.Context, s store.Store, dir string, now func() time.Time) (keyfile.Key, error) {
	wanted, err := knownSealingKey(ctx, s)
	if errors.Is(err, webhook.ErrNotFound) {
		return firstSealingKey(ctx, s, dir, now)
	}
	if err != nil {
		return keyfile.Key{}, err
	}
	key, err := keyfile.Load(dir)
	if err != nil {
		return keyfile.Key{}, err
	}
	return key, checkSealingKey(key, dir, wanted)
}

func firstSealingKey(ctx context.Context, s store.Store, dir string, now func() time.Time) (keyfile.Key, error) {
	key, err := keyfile.Create(dir)
	if err != nil {
		return keyfile.Key{}, err
	}
	noted := webhook.SealingKey{ID: key.ID(), Public: key.Public(), CreatedAt: now().UTC().Truncate(time.Millisecond)}
	if _, err := s.AddSealingKey(ctx, noted); err != nil {
		return keyfile.Key{}, err
	}
	// With DynamoDB, a server on another machine may have been faster.
	wanted, err := knownSealingKey(ctx, s)
	if err != nil {
		return keyfile.Key{}, err
	}
	return key, checkSealingKey(key, dir, wanted)
}

// knownSealingKey returns the key that the store's data is sealed with: the
// oldest of those held by a local file, since no other has ever been used. It
// returns [webhook.ErrNotFound] if the store has none yet.
func knownSealingKey(ctx context.Context, s store.Store) (webhook.SealingKey, error) {
	keys, err := s.SealingKeys(ctx)
	if err != nil {
		return webhook.SealingKey{}, err
	}
	var oldest webhook.SealingKey
	for _, k := range keys { // by id, so that every caller chooses the same
		if k.WrappedPrivate != nil {
			return webhook.SealingKey{}, fmt.Errorf("the data is sealed with %s of a deployed stack, which a local server cannot open; choose another --store", k.ID)
		}
		if oldest.ID == "" || k.CreatedAt.Before(oldest.CreatedAt) {
			oldest = k
		}
	}
	if oldest.ID == "" {
		return webhook.SealingKey{}, fmt.Errorf("sealing key: %w", webhook.ErrNotFound)
	}
	return oldest, nil
}

func checkSealingKey(key keyfile.Key, dir string, wanted webhook.SealingKey) error {
	if key.ID() == wanted.ID {
		return nil
	}
	return fmt.Errorf("%s: the file holds %s, but the data is sealed with %s; restore that key from your backup",
		filepath.Join(dir, keyfile.Name), key.ID(), wanted.ID)
}
