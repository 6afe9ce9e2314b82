package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/record"
	"github.com/hookline/hookline/pkg/webhook"
)

// clock is the wall clock, which a test can put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// departure is an account that is deleted while its customer registers.
type departure struct {
	dataDir
	clock         clock
	server, token string
	responded     chan struct{} // holds something after an answer
	ended         chan struct{} // is closed when no client is left
	events        atomic.Int64
	created       atomic.Int64 // events whose registration was answered 201
}

const (
	leavingFleet   = "abbeycross:leaving-7f3a"
	bystandingSite = "squake:bystander-7f3a"
)

// client registers until its token is refused, one event and three by turns.
func (d *departure) client(ctx context.Context, client *http.Client) error {
	for n := 1; ; n = 4 - n {
		var events []string
		for range n {
			events = append(events, fmt.Sprintf("trip.%d", d.events.Add(1)))
		}
		body := `{"url":"https://receiver.example/in","events":["` + strings.Join(events, `","`) + `"]}`
		status, err := post(ctx, client, d.server+"/v1/webhooks/register", body, "Authorization: Bearer "+d.token, "Content-Type: application/json")
		select {
		case d.responded <- struct{}{}:
		default:
		}
		switch {
		case err != nil:
			return err
		case status == http.StatusUnauthorized:
			return nil
		case status != http.StatusCreated:
			return fmt.Errorf("status %d, want 201", status)
		}
		d.created.Add(int64(n))
	}
}

// sleep lets time pass once a client had an answer, so that no request takes
// longer than that.
func (d *departure) sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-d.responded:
	case <-d.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	d.clock.advance(pause)
	return nil
}

// A customer registers before, while and after the account is deleted: the
// server goes on to know the token. Then nothing is left.
func TestDeleteAccountBesideRegistrations(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, where dataDir) {
		d := &departure{dataDir: where, responded: make(chan struct{}, 1), ended: make(chan struct{})}
		log := &record.Buffer{}
		s := bootWith(t, func(p *program) { p.now = d.clock.now }, log, where.data, where.serveFlags()...)
		d.server = s.URL
		for _, account := range []string{leavingFleet, bystandingSite} {
			where.cli(t, "account", "create", account)
		}
		d.token = where.cli(t, "token", "create", "--account", leavingFleet)
		staying := where.cli(t, "token", "create", "--account", bystandingSite)
		registerOrder(t, s.URL, staying, http.StatusCreated)

		var clients errgroup.Group
		for range 4 {
			client := newClient(t)
			clients.Go(func() error { return d.client(t.Context(), client) })
		}
		d.delete(t, &clients)
		where.nothingIsLeft(t, leavingFleet, bystandingSite)
		d.startsEmpty(t)
		registerOrder(t, s.URL, staying, http.StatusUnprocessableEntity) // it is there still
	})
}

func registerOrder(t *testing.T, server, token string, want int) {
	t.Helper()
	const body = `{"kind":"order","endpoint_url":"https://receiver.example/in"}`
	status, err := post(t.Context(), newClient(t), server+"/v2/webhooks", body, "Authorization: Bearer "+token, "Content-Type: application/json")
	if err != nil || status != want {
		t.Errorf("register: status %d, %v; want %d", status, err, want)
	}
}

// delete deletes the account, and demands that it removes all that was
// answered 201, some of it while it waits.
func (d *departure) delete(t *testing.T, clients *errgroup.Group) {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		failed <- clients.Wait()
		close(d.ended)
	}()
	<-d.responded // the server knows the token
	var out, log bytes.Buffer
	p := testProgram(noSettings, &out, &log)
	before := int64(-1)
	p.sleep = func(ctx context.Context, pause time.Duration) error {
		if before < 0 {
			before = d.created.Load()
		}
		return d.sleep(ctx, pause)
	}
	if err := p.run(t.Context(), append([]string{"hookline", "account", "delete", "--wait", "--json", leavingFleet}, d.flags()...)); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Errorf("a client: %v", err)
	}
	if during := d.created.Load() - before; during == 0 {
		t.Error("nothing was registered while it waited")
	}
	want := fmt.Sprintf(`{"deleted":%q,"tokens":1,"webhooks":%d,"cancelled":0}`+"\n", leavingFleet, d.created.Load())
	if out.String() != want || log.Len() > 0 {
		t.Errorf("it wrote %q and %q, want %q and nothing", out.String(), log.String(), want)
	}
}

// nothingIsLeft looks through all that is stored, and must find another
// account there.
func (p dataDir) nothingIsLeft(t *testing.T, account, other string) {
	t.Helper()
	_, id, _ := strings.Cut(account, ":")
	_, otherID, _ := strings.Cut(other, ":")
	var left []string
	seen := false
	for _, line := range p.dump(t) {
		if strings.Contains(line, id) {
			left = append(left, line)
		}
		seen = seen || strings.Contains(line, otherID)
	}
	if len(left) > 0 {
		t.Errorf("%d records of %s are left, such as %q", len(left), account, left[0])
	}
	if !seen {
		t.Errorf("nothing of %s is seen", other)
	}
}

// startsEmpty makes an account of the same id.
func (d *departure) startsEmpty(t *testing.T) {
	t.Helper()
	d.cli(t, "account", "create", leavingFleet)
	for _, kind := range []string{"webhook", "token"} {
		if list := d.cli(t, kind, "list", "--json", "--account", leavingFleet); list != "[]" {
			t.Errorf("%ss of the new account: %s, want none", kind, list)
		}
	}
	if status, err := register(t.Context(), newClient(t), d.server, d.token, "trip.1"); err != nil || status != http.StatusUnauthorized {
		t.Errorf("with the old token: status %d, %v; want 401", status, err)
	}
	token := d.cli(t, "token", "create", "--account", leavingFleet)
	if status, err := register(t.Context(), newClient(t), d.server, token, "trip.1"); err != nil || status != http.StatusCreated {
		t.Errorf("with a new token: status %d, %v; want 201", status, err)
	}
}

// A deletion that is killed or interrupted while it waits leaves an account
// that gets nothing new, and that another run deletes.
func TestDeleteAccountCutOff(t *testing.T) {
	t.Parallel()
	for _, s := range []os.Signal{os.Kill, os.Interrupt} {
		t.Run(s.String(), func(t *testing.T) {
			where := dataDir{data: t.TempDir()}
			const name = "squake:demo"
			where.cli(t, "account", "create", name)
			where.cli(t, "account", "create", bystandingSite)
			where.cli(t, "token", "create", "--account", name)
			account := webhook.Account{API: "squake", ID: "demo"}
			if err := addWebhook(where.data, account, "w1", []string{"order"}); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			command := exec.CommandContext(t.Context(), "hookline", append([]string{"account", "delete", "--wait", name}, where.flags()...)...)
			command.Stderr = &said
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			where.awaitNoTokens(t, account)
			if err := command.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			err := command.Wait()
			if s == os.Interrupt {
				contains(t, said.String(), "interrupted", "complete it with: hookline --data "+where.data+" account delete --wait "+name)
				if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != exitFailed {
					t.Errorf("it ended with %v, want exit code 1", err)
				}
			}
			where.isClosing(t, name)
			text, err := exec.CommandContext(t.Context(), "hookline-quick", append([]string{"account", "delete", "--wait", "--json", name}, where.flags()...)...).Output()
			if want := `{"deleted":"squake:demo","tokens":0,"webhooks":1,"cancelled":0}` + "\n"; err != nil || string(text) != want {
				t.Errorf("the next run: %s, %v; want %s", text, err, want)
			}
			where.nothingIsLeft(t, name, bystandingSite)
		})
	}
}

// An account that is closed without a server is deleted by one that starts
// later, after the time that servers may accept its tokens.
func TestDeleteAccountInTheBackground(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, where dataDir) {
		before := bootWith(t, func(*program) {}, &record.Buffer{}, where.data, where.serveFlags()...) // makes the tables
		if err := before.stop(); err != nil {
			t.Fatal(err)
		}
		for _, account := range []string{leavingFleet, bystandingSite} {
			where.cli(t, "account", "create", account)
		}
		where.cli(t, "token", "create", "--account", leavingFleet)
		for range 2 {
			contains(t, where.cli(t, "account", "delete", leavingFleet), "closed "+leavingFleet)
			contains(t, where.cli(t, "account", "list"), "being deleted")
		}
		contains(t, where.cli(t, "account", "delete", "--json", leavingFleet), `"account":"`+leavingFleet+`"`, `"closing":true`)
		later := &clock{}
		later.advance(2 * time.Minute)
		bootWith(t, func(p *program) { p.now = later.now }, &record.Buffer{}, where.data, where.serveFlags()...)
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for end := time.Now().Add(timeout); strings.Contains(where.cli(t, "account", "list"), leavingFleet); <-again.C {
			if time.Now().After(end) {
				t.Fatal("the account is not deleted")
			}
		}
		where.nothingIsLeft(t, leavingFleet, bystandingSite)
		contains(t, where.fails(t, "account", "delete", leavingFleet), "there is no account "+leavingFleet)
	})
}

func (p dataDir) awaitNoTokens(t *testing.T, a webhook.Account) {
	t.Helper()
	s := p.open(t)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(timeout); time.Now().Before(end); <-again.C {
		tokens, err := s.Tokens(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if len(tokens) == 0 {
			return
		}
	}
	t.Fatal("the tokens are not deleted")
}

// isClosing demands that the account gets nothing new, and that all who ask
// are told how to complete its deletion.
func (p dataDir) isClosing(t *testing.T, name string) {
	t.Helper()
	contains(t, p.cli(t, "account", "list"), "being deleted")
	for _, line := range []string{
		p.fails(t, "token", "create", "--account", name),
		p.fails(t, "account", "create", name),
		fails(t, exitFailed, serveArgs(p.data, "--dev")...),
	} {
		contains(t, line, name+" is being deleted", "account delete --wait "+name)
	}
	var list []accountResult
	if err := json.Unmarshal([]byte(p.cli(t, "account", "list", "--json")), &list); err != nil || len(list) != 2 || list[0].Closing || !list[1].Closing {
		t.Errorf("account list: %+v, %v; want the second closing", list, err)
	}
	if list := p.cli(t, "webhook", "list", "--account", name); !strings.Contains(list, "w1") {
		t.Errorf("webhook list:\n%s, want w1", list)
	}
}

func TestSleep(t *testing.T) {
	t.Parallel()
	if err := sleep(t.Context(), time.Millisecond); err != nil {
		t.Errorf("sleep = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("sleep that was cancelled = %v", err)
	}
}
