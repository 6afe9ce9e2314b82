package caught

import "testing"

func TestBy(t *testing.T) {
	for name, tt := range map[string]struct {
		test   func(testing.TB)
		failed bool
		log    string
	}{
		"passes": {func(tb testing.TB) { tb.Log("a", 1) }, false, "a 1\n"},
		"errors": {func(tb testing.TB) { tb.Errorf("b %d", 2); tb.Error("c") }, true, "b 2\nc\n"},
		"fatal":  {func(tb testing.TB) { tb.Fatalf("d"); tb.Log("never") }, true, "d\n"},
		"fails":  {func(tb testing.TB) { tb.FailNow() }, true, ""},
	} {
		if failed, log := By(t, tt.test); failed != tt.failed || log != tt.log {
			t.Errorf("%s: failed %t with %q, want %t with %q", name, failed, log, tt.failed, tt.log)
		}
	}
	if failed, _ := By(t, func(tb testing.TB) { Must(tb, func(testing.TB) {}) }); !failed {
		t.Error("Must does not miss a failure")
	}
}
