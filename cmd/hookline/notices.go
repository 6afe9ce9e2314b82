package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/notice"
	"github.com/hookline/hookline/pkg/notice/httpsender"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// noticeWait is the time between two looks for notices in a file, and
	// noticeWaitInTables that in tables, where each look costs requests.
	noticeWait         = time.Second
	noticeWaitInTables = 30 * time.Second
	// longestNoticeWait is the longest wait after notices that were refused.
	longestNoticeWait = time.Minute
	// maxNotifyKeyFile bounds how much of the file with the key is read. The
	// other two are the sizes of a key of Standard Webhooks.
	maxNotifyKeyFile = 1 << 10
	minNotifyKey     = 24
	maxNotifyKey     = 64
)

// notices is what a server needs to tell the operator of failing webhooks. The
// zero value tells nothing.
type notices struct {
	sender notice.Sender
	newID  func() (string, error)
}

// notices returns what the flags ask for. An error names the flag and what is
// wrong, and shows neither the URL, which may hold a secret, nor the key.
func (c *serveCommand) notices(p *program, urls validate.URLPolicy) (notices, error) {
	switch {
	case c.NotifyURL == "" && c.NotifyKeyFile == "":
		return notices{}, nil
	case c.NotifyURL == "":
		return notices{}, errors.New("--notify-key-file: --notify-url must be given, too")
	case c.NotifyKeyFile == "":
		return notices{}, errors.New("--notify-url: --notify-key-file must be given, too")
	}
	if err := urls.URL(c.NotifyURL); err != nil {
		return notices{}, fmt.Errorf("--notify-url: %w", err)
	}
	key, err := readNotifyKey(c.NotifyKeyFile)
	if err != nil {
		return notices{}, fmt.Errorf("--notify-key-file: %w", err)
	}
	client := sender.New(senderConfig(urls, p.now))
	return notices{sender: httpsender.Sender{URL: c.NotifyURL, Key: key, Client: client, Now: p.now}, newID: p.keys.UUID}, nil
}

// readNotifyKey reads a key of Standard Webhooks from a file.
func readNotifyKey(path string) (webhook.Secret, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil: // without the path, which may be the key itself
		return webhook.Secret{}, cause(err)
	case info.Mode().Perm()&0o077 != 0:
		return webhook.Secret{}, fmt.Errorf("%s must be readable by its owner alone; run chmod 600 on it", path)
	case info.Size() > maxNotifyKeyFile:
		return webhook.Secret{}, fmt.Errorf("%s is longer than a key", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return webhook.Secret{}, err
	}
	key := strings.TrimSpace(string(text))
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whsec_"))
	if err != nil || len(raw) < minNotifyKey || len(raw) > maxNotifyKey {
		return webhook.Secret{}, fmt.Errorf("%s must hold a key: whsec_ and base64 of %d to %d bytes", path, minNotifyKey, maxNotifyKey)
	}
	return webhook.NewSecret(key), nil
}

// notifier returns what sends the notices, nil if there are none.
func (n notices) notifier(cfg dispatcherConfig) *notice.Notifier {
	if n.sender == nil {
		return nil
	}
	var apis []webhook.API
	for _, a := range all.APIs() {
		apis = append(apis, a.Name)
	}
	return notice.New(notice.Config{Store: cfg.store, Sender: n.sender, APIs: apis, NewID: n.newID, Now: cfg.now, Log: cfg.log})
}

// noticeWait returns the time between two looks for notices.
func (d *dispatcher) noticeWait() time.Duration {
	if d.file == nil {
		return noticeWaitInTables
	}
	return noticeWait
}
