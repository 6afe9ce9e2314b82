package main

import (
	"net/http"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// While no file can be written, a request to publish of which nothing is stored
// is answered 503, and the server is not ready but alive. Once there is room it
// goes on as if nothing had been.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := spawn(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, &s.instance, c)[0]
	publisher := newOperator(t, where, &s.instance)
	body := `{"events":[` + customer.eventOf(t, "1", time.Now(), "1") + `,` + customer.eventOf(t, "2", time.Now(), "2") + `]}`
	mayWrite(t, s, false)
	response := mustRespond(t, http.StatusServiceUnavailable, "POST", s.URL+"/events", body, "Authorization: Bearer "+publisher.token)
	contains(t, response, `"internal_error"`, "publish it again")
	for path, want := range map[string]int{livePath: 200, healthPath: 200, readyPath: 503} {
		if status, text := exchange(t, s.URL, "GET", path); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, text, want)
		}
	}
	mayWrite(t, s, true)
	response = mustRespond(t, http.StatusAccepted, "POST", s.URL+"/events", body, "Authorization: Bearer "+publisher.token)
	contains(t, response, `"accepted"`)
	for range 2 {
		customer.verified(t, c.next(t), "")
	}
}

// mayWrite sets whether a process may write to files.
func mayWrite(t *testing.T, c *child, may bool) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Prlimit(c.process.Pid, unix.RLIMIT_FSIZE, nil, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur = 0; may {
		limit.Cur = limit.Max
	}
	if err := unix.Prlimit(c.process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}
