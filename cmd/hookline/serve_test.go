package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// words gives a command line as the shell splits it, without its first word.
func words(t *testing.T, before, line string) []string {
	t.Helper()
	_, arguments, _ := strings.Cut(line, " ")
	text, err := exec.CommandContext(t.Context(), "sh", "-c", before+"\nprintf '%s\\n' "+arguments).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// paste does what a curl line of the welcome does, and gives the status.
func paste(t *testing.T, before, line string) int {
	t.Helper()
	w := words(t, before, line)
	if len(w) != 8 || w[0] != "-i" || w[2] != "-H" || w[4] != "-H" || w[6] != "-d" {
		t.Fatalf("curl would be given %q", w)
	}
	status, err := post(t.Context(), newClient(t), w[1], w[7], w[3], w[5])
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func TestWelcomeLinesWork(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "new", "data dir")
	s := boot(t, data, "--dev")
	for _, d := range s.Demo {
		if status := paste(t, "", d.Curl); status != http.StatusCreated {
			t.Errorf("%s: status %d, want 201", d.Account, status)
		}
		if status := paste(t, "", d.Curl); !isConflict(status) {
			t.Errorf("%s: the same again: status %d, want one of a conflict", d.Account, status)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = boot(t, data, "--dev")
	for _, d := range s.Demo {
		if d.Token != "" {
			t.Errorf("%s has a new token at the second start", d.Account)
		}
		if status := paste(t, "TOKEN=$("+d.NewToken+")", d.Curl); !isConflict(status) {
			t.Errorf("%s: at the second start: status %d, want one of a conflict", d.Account, status)
		}
	}
}

// isConflict reports whether an API answers so when an event is taken.
func isConflict(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusConflict || status == http.StatusUnprocessableEntity
}

// A start that was killed before its tokens were stored is completed by the
// next one.
func TestWelcomeIsCompleted(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	cli(t, "account", "create", "squake:demo", "--data", data)
	s := boot(t, data, "--dev")
	for _, d := range s.Demo {
		if status := paste(t, "", d.Curl); status != http.StatusCreated {
			t.Errorf("%s: status %d, want 201", d.Account, status)
		}
	}
}

// broken is standard output that nobody reads any more.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A token that could not be shown is not stored.
func TestWelcomeThatNobodySaw(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	err := testProgram(noSettings, broken{}, io.Discard).run(t.Context(), serveArgs(data, "--dev"))
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("run = %v, want the error of standard output", err)
	}
	if list := cli(t, "token", "list", "--json", "--account", "squake:demo", "--data", data); list != "[]" {
		t.Errorf("tokens = %s, want none", list)
	}
	if s := boot(t, data, "--dev"); s.token(t, "squake") == "" {
		t.Error("the next start shows no token")
	}
}

func TestRecipientsWithoutDev(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flags []string
		want  map[string]int
	}{
		{nil, map[string]int{"http://example.com/": 422, "https://127.0.0.1/": 422, "https://example.com/": 201}},
		{[]string{"--allow-http"}, map[string]int{"http://example.com/": 201, "https://127.0.0.1/": 422}},
		{[]string{"--allow-private"}, map[string]int{"http://example.com/": 422, "https://127.0.0.1/": 201}},
		{[]string{"--allow-network", "10.20.0.0/16,fd12::/16", "--allow-network", "127.0.0.1/32"}, map[string]int{
			"https://10.20.1.2/": 201, "https://[fd12::1]:8443/": 201, "https://127.0.0.1:9000/": 201,
			"https://10.21.1.2/": 422, "https://127.0.0.2/": 422, "https://169.254.169.254/": 422, "https://localhost/": 422,
		}},
		{[]string{"--dev"}, map[string]int{"http://127.0.0.1:9000/": 201}},
	} {
		s := boot(t, t.TempDir(), c.flags...)
		for recipient, want := range c.want {
			account := "squake:a" + strings.Trim(strings.Map(onlyPlain, recipient), "-")
			cli(t, "account", "create", account, "--data", s.data)
			token := cli(t, "token", "create", "--account", account, "--data", s.data)
			status, err := post(t.Context(), newClient(t), s.URL+"/v2/webhooks", `{"kind":"order","endpoint_url":"`+recipient+`"}`,
				"Authorization: Bearer "+token, "Content-Type: application/json")
			if err != nil || status != want {
				t.Errorf("serve %v: %s: status %d, %v; want %d", c.flags, recipient, status, err, want)
			}
		}
	}
}

// onlyPlain leaves what an account's id may have.
func onlyPlain(r rune) rune {
	if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
		return r
	}
	return '-'
}

func TestRouting(t *testing.T) {
	t.Parallel()
	s := boot(t, t.TempDir())
	const nothing = `{"error":{"code":"not_found","message":"There is nothing at this path."}}`
	for _, c := range []struct {
		method, target string
		want           int
		body           string // its beginning
	}{
		{"GET", "/healthz", 200, `{"status":"ok"}`},
		{"HEAD", "/healthz", 200, ``},
		{"POST", "/healthz", 405, `{"error":{"code":"method_not_allowed"`},
		{"GET", "/healthz/", 404, nothing},
		{"GET", "/", 302, `<a href="/docs">`},
		{"HEAD", "/", 302, ``},
		{"POST", "/", 404, nothing},
		{"GET", "/v2x", 404, nothing},
		{"GET", "//v2/webhooks", 404, nothing},
		{"OPTIONS", "*", 404, nothing},
		{"GET", "/events", 405, `{"error":{"code":"method_not_allowed"`},
		{"POST", "/events/more", 404, `{"error":{"code":"not_found"`},
		{"GET", "/v2", 404, `{"errors":[{"code":"not_found"`},
		{"GET", "/v2/", 404, `{"errors":[{"code":"not_found"`},
		{"GET", "/v2/../healthz", 404, `{"errors":[{"code":"not_found"`},
		{"GET", "/api/nothing", 404, `{"data":null,"errors":[{"errorCode":"endpoint-not-found"`},
		{"GET", "/v1/nothing", 404, `{"errorId":`},
	} {
		status, body := exchange(t, s.URL, c.method, c.target)
		if status != c.want || !strings.HasPrefix(body, c.body) || (c.body == "") != (body == "") {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.target, status, body, c.want, c.body)
		}
	}
}

// exchange sends a request exactly as it is written. Every answer says what it is
// (docs/contracts/README.md, Requests 13).
func exchange(t *testing.T, server, method, recipient string) (status int, body string) {
	t.Helper()
	conn := dial(t, server)
	request := method + " " + recipient + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response := readWhole(t, conn, method)
	if response.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s %s: headers %v", method, recipient, response.Header)
	}
	return response.status, response.body
}

func TestHealthOfABrokenStore(t *testing.T) {
	t.Parallel()
	p := testProgram(noSettings, io.Discard, io.Discard)
	p.flags = &globals{Data: t.TempDir()}
	s, err := (&serveCommand{Listen: "127.0.0.1:0"}).boot(t.Context(), p, discardLog())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	server := s.url()
	if status, _ := exchange(t, server, "GET", "/healthz"); status != 200 {
		t.Errorf("health of a store that works: %d, want 200", status)
	}
	if err := s.store.(interface{ Close() error }).Close(); err != nil {
		t.Fatal(err)
	}
	if status, body := exchange(t, server, "GET", "/healthz"); status != 503 || body != `{"status":"unavailable"}` {
		t.Errorf("health of a closed store: %d %s, want 503", status, body)
	}
	cancel()
	if err := errors.Join(<-ended, s.Close()); err != nil {
		t.Error(err)
	}
}

func TestOneServerAtATime(t *testing.T) {
	t.Parallel()
	s := boot(t, t.TempDir())
	line := fails(t, exitFailed, serveArgs(s.data)...)
	contains(t, line, "another hookline serve", s.data, "--data")
	if status, _ := exchange(t, s.URL, "GET", "/healthz"); status != 200 {
		t.Errorf("the first server's health: %d", status)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := t.TempDir()
	address := taken.Addr().String()
	line := fails(t, exitFailed, "hookline", "serve", "--dev", "--data", data, "--listen", address)
	contains(t, line, address, "in use", "--listen")
	// The directory is free again, and nothing was shown or made in vain.
	if s := boot(t, data, "--dev"); s.token(t, "squake") == "" {
		t.Error("the next start shows no token")
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	settings := func(name string) string {
		return map[string]string{"HOOKLINE_ABBEYCROSS_HOURS": "always", "HOOKLINE_ABBEYCROSS_EVENTS": "a,,b c"}[name]
	}
	err := testProgram(settings, io.Discard, io.Discard).run(t.Context(), serveArgs(t.TempDir()))
	if err == nil {
		t.Fatal("serve takes wrong settings")
	}
	contains(t, err.Error(), "HOOKLINE_ABBEYCROSS_HOURS", "HOOKLINE_ABBEYCROSS_EVENTS")
}

func TestLocalURL(t *testing.T) {
	t.Parallel()
	for listener, want := range map[string]string{
		"127.0.0.1:8080":      "http://127.0.0.1:8080",
		"0.0.0.0:8080":        "http://127.0.0.1:8080",
		"[::]:8080":           "http://localhost:8080",
		"[::1]:8080":          "http://[::1]:8080",
		"192.0.2.7:80":        "http://192.0.2.7:80",
		"[fe80::1%eth0]:8080": "http://[fe80::1%25eth0]:8080",
	} {
		address, err := net.ResolveTCPAddr("tcp", listener)
		if err != nil {
			t.Fatal(err)
		}
		if address.String() != listener { // an interface that is not here loses its name
			continue
		}
		if got := localURL("http", address); got != want {
			t.Errorf("localURL(%s) = %s, want %s", listener, got, want)
		}
	}
}

// A server that is no demo says which settings matter, and while there is no
// account what to do first.
func TestFirstSteps(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	welcome := func(flags ...string) string {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var out strings.Builder
		p := testProgram(noSettings, io.MultiWriter(&out, &stopper{stop: stop}), io.Discard)
		if err := p.run(ctx, append([]string{"hookline", "serve", "--listen", "127.0.0.1:0", "--log-format", "text", "--data", where.data}, flags...)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	contains(t, welcome("--allow-network", "10.20.0.0/16"), "private targets in some networks")
	contains(t, welcome("--allow-http"), "http targets on, private targets off, notices off",
		"\n  hookline --data "+where.data+" account create squake:acme", "token create --operator ")
	where.run(t, "account", "create", "shoptet:1")
	if text := welcome(); strings.Contains(text, "account create") || !strings.Contains(text, "http targets off") {
		t.Errorf("with an account: %s", text)
	}
}
