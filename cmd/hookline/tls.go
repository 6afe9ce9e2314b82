package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateInterval is how often the files of a certificate are looked at, at
// most.
const certificateInterval = time.Second

// tlsFlags name the certificate of a server that ends TLS itself.
type tlsFlags struct {
	Cert string `env:"HOOKLINE_TLS_CERT" help:"File with the certificate and its chain in PEM: serve HTTPS (default: HTTP)." placeholder:"FILE"`
	Key  string `env:"HOOKLINE_TLS_KEY" help:"File with the certificate's key in PEM." placeholder:"FILE"`
}

// certificate returns the configuration of a server that shows the certificate,
// and another once the files have changed. It returns nil without flags.
func (f tlsFlags) certificate(log *slog.Logger) (*tls.Config, error) {
	switch {
	case f.Cert == "" && f.Key == "":
		return nil, nil //nolint:nilnil // as http.Server takes it: no TLS
	case f.Key == "":
		return nil, errors.New("--tls-cert: --tls-key must be given, too")
	case f.Cert == "":
		return nil, errors.New("--tls-key: --tls-cert must be given, too")
	}
	files := &certificateFiles{flags: f, log: log}
	changed, err := f.state()
	if err == nil {
		files.current, err = f.load()
	}
	if err != nil {
		return nil, err
	}
	files.loaded, files.checked = changed, time.Now()
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get}, nil
}

// certificateFiles is a certificate that follows its files.
type certificateFiles struct {
	flags tlsFlags
	log   *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	loaded  [2]fileState // of the files that current, or a failure, came from
	checked time.Time
	failure string // what was logged of files that cannot be used
}

// fileState tells whether a file was written or replaced.
type fileState struct {
	modified time.Time
	size     int64
	info     fs.FileInfo
}

func (s fileState) same(other fileState) bool {
	return s.modified.Equal(other.modified) && s.size == other.size && os.SameFile(s.info, other.info)
}

// get returns the certificate for a handshake. Files that cannot be used, such
// as those that are just being written, leave the former one.
func (c *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.checked) < certificateInterval {
		return c.current, nil
	}
	c.checked = now
	found, err := c.flags.state()
	if err == nil && found[0].same(c.loaded[0]) && found[1].same(c.loaded[1]) {
		return c.current, nil
	}
	var certificate *tls.Certificate
	if err == nil {
		c.loaded = found
		certificate, err = c.flags.load()
	}
	if err != nil {
		if err.Error() != c.failure {
			c.log.Warn("the new certificate cannot be used; the former one stays", "error", err)
		}
		c.failure = err.Error()
		return c.current, nil
	}
	c.current, c.failure = certificate, ""
	c.log.Info("certificate read anew", "until", certificate.Leaf.NotAfter)
	return c.current, nil
}

// state looks at the files.
func (f tlsFlags) state() (found [2]fileState, err error) {
	for i, path := range []string{f.Cert, f.Key} {
		info, err := os.Stat(path)
		if err != nil {
			return found, fmt.Errorf("%s: %w", f.name(i), err)
		}
		found[i] = fileState{info.ModTime(), info.Size(), info}
	}
	return found, nil
}

// name returns the flag of a file.
func (tlsFlags) name(i int) string { return [...]string{"--tls-cert", "--tls-key"}[i] }

// load reads the files. An error shows nothing of them.
func (f tlsFlags) load() (*tls.Certificate, error) {
	info, err := os.Stat(f.Key)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--tls-key: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("--tls-key: %s must be readable by its owner alone; run chmod 600 on it", f.Key)
	}
	chain, err := os.ReadFile(f.Cert)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	key, err := os.ReadFile(f.Key)
	if err != nil {
		return nil, fmt.Errorf("--tls-key: %w", err)
	}
	certificate, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s, --tls-key %s: %w", f.Cert, f.Key, err)
	}
	return &certificate, nil
}
