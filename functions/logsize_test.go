package functions_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hookline/hookline/infra/cost/logsize"
	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/pkg/api/all"
)

// What docs/cost.md says of logs is about lines that the functions write.
func TestLinesAreAsLongAsPriced(t *testing.T) {
	p := newPipeline(t)
	longest := map[string]int{}
	for _, api := range all.APIs() {
		c := p.register(t, api)
		c.attempt(t, c.publishOne(t, c.occurrence("1")), http.StatusOK, 1, 0)
		for message, function := range map[string]string{
			"request": emulator.ResourceName(string(api.Name) + "-register"), "attempt": "Deliver",
		} {
			longest[message] = max(longest[message], lineLength(t, p.functions[function], message, c.account.ID))
		}
	}
	p.sweep(t)
	longest["sweep"] = lineLength(t, p.functions["Sweep"], "sweep", "")
	// Times and durations make a line longer or shorter.
	const some = 30
	for message, priced := range map[string]int{"request": logsize.Request, "attempt": logsize.Attempt, "sweep": logsize.Sweep} {
		if got := longest[message]; got > priced || got < priced-some {
			t.Errorf("a line %q has %d bytes, priced are %d", message, got, priced)
		}
	}
	if got := lineLength(t, p.functions["Publish"], "request", ""); got > logsize.Request {
		t.Errorf("a line of publish has %d bytes, priced are %d", got, logsize.Request)
	}
}

// lineLength returns how long the latest line of a message about an account is,
// as if its id were as long as is assumed.
func lineLength(t *testing.T, f *emulator.Function, message, account string) int {
	t.Helper()
	f.AwaitOutput(t, `"msg":"`+message+`"`, 1)
	if account != "" { // the function may serve others too
		f.AwaitOutput(t, `"account":"`+account+`"`, 1)
	}
	length := 0
	for line := range strings.Lines(f.Output()) {
		var fields struct{ Msg, Account string }
		if json.Unmarshal([]byte(line), &fields) == nil && fields.Msg == message && fields.Account == account {
			length = len(strings.TrimSuffix(line, "\n"))
		}
	}
	if length == 0 {
		t.Fatalf("no line %q of account %q in %s", message, account, f.Output())
	}
	if account != "" {
		length += logsize.AccountID - len(account)
	}
	return length
}
