package record

import (
	"strings"
	"sync"
	"testing"
	"time"
)

func TestBuffer(t *testing.T) {
	var b Buffer
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = b.Write([]byte("line\n")) })
	}
	all.Wait()
	if got := b.String(); got != strings.Repeat("line\n", 8) {
		t.Errorf("%q", got)
	}
}

func TestClock(t *testing.T) {
	at := time.Unix(1, 0)
	c := NewClock(at)
	c.Advance(time.Second)
	if got := c.Now(); !got.Equal(at.Add(time.Second)) {
		t.Errorf("%v", got)
	}
	if c.Set(at); !c.Now().Equal(at) {
		t.Errorf("%v", c.Now())
	}
}
