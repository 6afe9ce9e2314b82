package long

import "testing"

func TestPick(t *testing.T) {
	for value, want := range map[string]string{"": "short", "0": "short", "1": "long"} {
		t.Setenv(Variable, value)
		if got := Pick("short", "long"); got != want {
			t.Errorf("%s=%q: %s, want %s", Variable, value, got, want)
		}
	}
}
