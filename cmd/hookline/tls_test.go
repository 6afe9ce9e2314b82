package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate writes a certificate for 127.0.0.1 with a serial number, and
// its key.
func writeCertificate(t *testing.T, f tlsFlags, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"hooks.test"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, f.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}))
	replace(t, f.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// replace puts a new file in the place of another, as what renews certificates
// does.
func replace(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func newTLSFiles(t *testing.T) tlsFlags {
	dir := t.TempDir()
	return tlsFlags{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
}

// secureClient trusts one certificate, and notes which it is shown.
func secureClient(t *testing.T, trusted *x509.Certificate, change func(*http.Transport)) *http.Client {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "hooks.test", MinVersion: tls.VersionTLS10},
		ForceAttemptHTTP2: true,
	}
	transport.TLSClientConfig.RootCAs.AddCert(trusted)
	if change != nil {
		change(transport)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: timeout}
}

// A server with a certificate speaks TLS 1.2 or later, and HTTP/2.
func TestTLS(t *testing.T) {
	t.Parallel()
	files := newTLSFiles(t)
	trusted := writeCertificate(t, files, 1)
	s := boot(t, t.TempDir(), "--tls-cert", files.Cert, "--tls-key", files.Key)
	if !strings.HasPrefix(s.URL, "https://") {
		t.Errorf("the server says it is at %s", s.URL)
	}
	for name, c := range map[string]struct {
		change func(*http.Transport)
		proto  string // empty: no connection
	}{
		"HTTP/2":   {nil, "HTTP/2.0"},
		"HTTP/1.1": {func(t *http.Transport) { t.ForceAttemptHTTP2 = false }, "HTTP/1.1"},
		"TLS 1.2":  {func(t *http.Transport) { t.TLSClientConfig.MaxVersion = tls.VersionTLS12 }, "HTTP/2.0"},
		"TLS 1.1":  {func(t *http.Transport) { t.TLSClientConfig.MaxVersion = tls.VersionTLS11 }, ""},
	} {
		client := secureClient(t, trusted, c.change)
		for range 3 { // the connection is kept, and may serve again
			response, err := client.Get(s.URL + "/healthz")
			if err != nil {
				if c.proto != "" {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if response.Body.Close(); response.Proto != c.proto || response.StatusCode != http.StatusOK {
				t.Errorf("%s: answered %d by %s", name, response.StatusCode, response.Proto)
			}
		}
	}
}

// A renewed certificate is shown without a restart. One that cannot be used
// leaves the former.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	files := newTLSFiles(t)
	writeCertificate(t, files, 1)
	log := discardLog()
	cfg, err := files.certificate(log)
	if err != nil {
		t.Fatal(err)
	}
	source := &certificateFiles{flags: files, log: log}
	if source.current, err = files.load(); err != nil {
		t.Fatal(err)
	}
	shown := func() int64 {
		source.checked = time.Time{} // as if a second had passed
		c, err := source.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.Int64()
	}
	if cfg.MinVersion != tls.VersionTLS12 || shown() != 1 {
		t.Errorf("at first: version %x", cfg.MinVersion)
	}
	writeCertificate(t, files, 2)
	if got := shown(); got != 2 {
		t.Errorf("renewed: number %d is shown", got)
	}
	for name, spoil := range map[string]func(){
		"half-written": func() { replace(t, files.Cert, []byte("-----BEGIN CERT")) },
		"another key":  func() { other := newTLSFiles(t); other.Cert = files.Cert; writeCertificate(t, other, 3) },
		"gone":         func() { remove(t, files.Cert) },
	} {
		spoil()
		if got := shown(); got != 2 {
			t.Errorf("%s: number %d is shown", name, got)
		}
	}
	writeCertificate(t, files, 4)
	if got := shown(); got != 4 {
		t.Errorf("renewed at last: number %d is shown", got)
	}
}

func TestWrongTLSFiles(t *testing.T) {
	t.Parallel()
	files := newTLSFiles(t)
	writeCertificate(t, files, 1)
	other := newTLSFiles(t)
	writeCertificate(t, other, 2)
	open := filepath.Join(t.TempDir(), "open.pem")
	text, err := os.ReadFile(files.Key)
	if err == nil {
		err = os.WriteFile(open, text, 0o600)
	}
	if err == nil {
		err = os.Chmod(open, 0o640)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cert, key string
		want      string
	}{
		"no key":          {files.Cert, "", "--tls-key must be given"},
		"no certificate":  {"", files.Key, "--tls-cert must be given"},
		"missing":         {files.Cert + "x", files.Key, "--tls-cert"},
		"missing key":     {files.Cert, files.Key + "x", "--tls-key"},
		"another's key":   {files.Cert, other.Key, "does not match"},
		"no certificates": {files.Key, files.Key, "--tls-cert"},
		"for the group":   {files.Cert, open, "chmod 600"},
	} {
		line := fails(t, exitFailed, serveArgs(t.TempDir(), "--tls-cert", c.cert, "--tls-key", c.key)...)
		contains(t, line, c.want)
		if strings.Contains(line, "BEGIN") {
			t.Errorf("%s: the error shows the file: %s", name, line)
		}
	}
}
