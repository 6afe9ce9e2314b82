package local

import (
	"container/heap"
	"time"
)

// later holds the messages whose time is to come, and one timer for all.
type later struct {
	heap  byTime
	timer *time.Timer // nil before the first
	// at is when the timer wakes; zero while it does not.
	at time.Time
}

func (l *later) push(e *entry) { heap.Push(&l.heap, e) }

// due takes out a message whose time has come; nil if there is none.
func (l *later) due(now time.Time) *entry {
	if len(l.heap) == 0 || l.heap[0].message.At.After(now) {
		return nil
	}
	return heap.Pop(&l.heap).(*entry)
}

// wake has the function called when the first message's time has come, or
// earlier.
func (l *later) wake(now time.Time, call func()) {
	if len(l.heap) == 0 {
		l.stop()
		return
	}
	at := l.heap[0].message.At
	if latest := now.Add(maxNap); at.After(latest) {
		at = latest
	}
	// A timer that wakes too early does no harm, so only one that would wake
	// too late, or has woken, is set anew.
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

// byTime is a heap of messages, the earliest first.
type byTime []*entry

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].message.At.Before(h[j].message.At) }
func (h byTime) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is called by package heap.
func (h *byTime) Push(e any) { *h = append(*h, e.(*entry)) }

// Pop is called by package heap.
func (h *byTime) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
