package local

import (
	"container/heap"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// later holds the messages that are not due yet, and one timer for all of them.
type later struct {
	heap  byTime
	timer *time.Timer // nil before it is first needed
	// at is when the timer fires; zero while it is not set.
	at time.Time
}

func (l *later) push(e *entry) { heap.Push(&l.heap, e) }

// out is the index of a message that is not in the heap.
const out = -1

// hasten has a message replaced by one for the same attempt that is due sooner,
// if it still waits for its time. The clock does not tell whether it does: it may
// have gone back since.
func (l *later) hasten(e *entry, m webhook.Message) {
	if e.index == out || !m.At.Before(e.message.At) {
		return
	}
	e.message = m
	heap.Fix(&l.heap, e.index)
}

// due removes and returns a message that is due, or nil.
func (l *later) due(now time.Time) *entry {
	if len(l.heap) == 0 || l.heap[0].message.At.After(now) {
		return nil
	}
	return heap.Pop(&l.heap).(*entry)
}

// wake arranges for call to run when the first message is due, or earlier.
func (l *later) wake(now time.Time, call func()) {
	if len(l.heap) == 0 {
		l.stop()
		return
	}
	at := l.heap[0].message.At
	if latest := now.Add(maxNap); at.After(latest) {
		at = latest
	}
	// A timer that fires too early does no harm, so it is only reset if it
	// would fire too late or has fired.
	if !l.at.IsZero() && l.at.After(now) && !l.at.After(at) {
		return
	}
	l.at = at
	if l.timer == nil {
		l.timer = time.AfterFunc(at.Sub(now), call)
		return
	}
	l.timer.Reset(at.Sub(now))
}

func (l *later) stop() {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.at = time.Time{}
}

// byTime is a heap of messages, earliest first.
type byTime []*entry

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].message.At.Before(h[j].message.At) }
func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *byTime) Push(v any) {
	e := v.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

// Pop implements heap.Interface.
func (h *byTime) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	e.index = out
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
