package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// ownPath begins the paths that hookline listen registers for itself. What
	// follows tells whose it is.
	ownPath = "/hookline-listen/"
	// ownDir is the directory in the data directory that tells what is its own.
	ownDir = "listen"
	// takeBackTimeout bounds how long a registration is taken back.
	takeBackTimeout = 15 * time.Second
)

// ownWebhook is the webhook that hookline listen registers for itself while it
// runs, one for each event. It replaces no other, and knows its own by the last
// segment of the path, which it keeps in a file until the webhook is taken back.
// The signing key is in no file.
type ownWebhook struct {
	b       backend
	account accountName
	event   string
	url     string
	file    string // with the last segment of the URL's path
	unlock  func() error
}

// registerOwn registers the URL base followed by a path of its own. It returns
// the signing key, or zero if keys are given and the account's is not known.
func registerOwn(ctx context.Context, p *program, b backend, account accountName, event, base string, keysGiven bool) (*ownWebhook, webhook.Secret, error) {
	w := &ownWebhook{b: b, account: account, event: event}
	if err := w.lock(p); err != nil {
		return nil, webhook.Secret{}, err
	}
	key, err := w.register(ctx, p, base, keysGiven)
	if err != nil {
		return nil, webhook.Secret{}, errors.Join(err, w.unlock())
	}
	return w, key, nil
}

// lock has this process alone listen to the event, and names the file.
func (w *ownWebhook) lock(p *program) error {
	dir := filepath.Join(p.flags.Data, ownDir)
	if err := makeDataDir(dir); err != nil {
		return err
	}
	where := strings.Join([]string{p.flags.Store.String(), p.flags.Stack, p.flags.URL, w.account.String(), w.event}, "\n")
	sum := sha256.Sum256([]byte(where))
	w.file = filepath.Join(dir, hex.EncodeToString(sum[:12]))
	lock := flock.New(w.file+".lock", flock.SetPermissions(0o600))
	switch taken, err := lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("lock %s: %w", lock.Path(), cause(err))
	case !taken:
		return fmt.Errorf("another hookline listen receives %s of %s; stop it first, or listen to another event", w.event, w.account)
	}
	w.unlock = lock.Unlock
	return nil
}

// register takes back what an earlier run left, and registers.
func (w *ownWebhook) register(ctx context.Context, p *program, base string, keysGiven bool) (key webhook.Secret, err error) {
	segment, err := readSegment(w.file)
	if err != nil {
		return webhook.Secret{}, err
	}
	w.url = strings.TrimSuffix(base, "/") + ownPath + segment
	if err := w.takeBackEarlier(ctx, p); err != nil {
		return webhook.Secret{}, err
	}
	api, err := w.b.CustomerAPI(ctx, w.account)
	if err != nil {
		return webhook.Secret{}, err
	}
	defer func() {
		if closeErr := api.close(context.WithoutCancel(ctx)); closeErr != nil {
			key, err = webhook.Secret{}, errors.Join(err, closeErr, w.takeBack(ctx))
		}
	}()
	if w.account.api.Registering.KeyPath != "" && api.key.Reveal() == "" && !api.newKey && !keysGiven {
		return webhook.Secret{}, errKeyUnknown
	}
	key, err = api.Register(ctx, w.event, w.url)
	if err != nil {
		// It is not known whether it was registered, and who was faster.
		return webhook.Secret{}, errors.Join(w.refusedFor(ctx, p, err), w.takeBack(ctx))
	}
	return key, nil
}

// refusedFor returns why a registration failed: if another webhook has the
// event, its name.
func (w *ownWebhook) refusedFor(ctx context.Context, p *program, err error) error {
	found, findErr := w.found(context.WithoutCancel(ctx))
	if findErr == nil && found.ID != "" && !w.isOwn(found) {
		return w.taken(p, found)
	}
	return fmt.Errorf("register %s of %s: %w", w.event, w.account, err)
}

// takeBackEarlier deletes the webhook that an earlier run left, and refuses any
// other that has the event.
func (w *ownWebhook) takeBackEarlier(ctx context.Context, p *program) error {
	switch found, err := w.found(ctx); {
	case errors.Is(err, webhook.ErrNotFound):
		return noAccount(ctx, p, w.b, w.account.Account)
	case err != nil:
		return err
	case found.ID == "":
		return nil
	case !w.isOwn(found):
		return w.taken(p, found)
	default:
		return w.remove(ctx, found.ID)
	}
}

func (w *ownWebhook) taken(p *program, found webhookDetails) error {
	return fmt.Errorf("%s of %s has a webhook already: %s, to %s; it stays. Listen to another event, or delete it with: %s webhook delete %[3]s --account %[2]s",
		w.event, w.account, found.ID, found.URL, p.again())
}

// found returns the webhook that has the event, zero if none has.
func (w *ownWebhook) found(ctx context.Context) (webhookDetails, error) {
	list, err := w.b.Webhooks(ctx, w.account.Account)
	for _, one := range list {
		if one.Event == w.event {
			return one, err
		}
	}
	return webhookDetails{}, err
}

// isOwn reports whether a webhook has the path, whatever its host: a
// former run may have had another port.
func (w *ownWebhook) isOwn(found webhookDetails) bool {
	_, path, _ := strings.Cut(w.url, ownPath)
	_, other, isListen := strings.Cut(found.URL, ownPath)
	return isListen && other == path
}

func (w *ownWebhook) remove(ctx context.Context, id string) error {
	if err := w.b.DeleteWebhook(ctx, w.account.Account, id); err != nil && !errors.Is(err, webhook.ErrNotFound) {
		return err
	}
	return nil
}

// takeBack deletes the webhook, unless someone else has the event by now. If it
// fails, the next run does. The segment is forgotten with its webhook alone: a
// registration that was cut off may still be carried out.
func (w *ownWebhook) takeBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackTimeout)
	defer cancel()
	found, err := w.found(ctx)
	own := err == nil && found.ID != "" && w.isOwn(found)
	if own {
		err = w.remove(ctx, found.ID)
	}
	if err != nil && !errors.Is(err, webhook.ErrNotFound) {
		return fmt.Errorf("take back the webhook for %s of %s: %w; the next hookline listen does", w.event, w.account, err)
	}
	if !own {
		return nil
	}
	if err := os.Remove(w.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Close takes the webhook back and lets others listen.
func (w *ownWebhook) Close(ctx context.Context) error {
	return errors.Join(w.takeBack(ctx), w.unlock())
}

// segmentForm matches the last segment of a path.
var segmentForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// readSegment reads the segment in a file, or makes it. It is durable before it is
// registered.
func readSegment(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil && segmentForm.Match(text) {
		return string(text), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	segment := rand.Text()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(segment)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", err
	}
	return segment, syncDir(filepath.Dir(path))
}
