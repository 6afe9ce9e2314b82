package local

import (
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// entry is a message in the queue.
type entry struct {
	message webhook.Message
	line    *line
	// index is where the message is among those for later, or out.
	index int
	// node is in the line's ready list while the message waits for a slot, and
	// in the queue's fresh list while its attempt runs and is not slow yet.
	node node[*entry]
	// started is when the attempt began.
	started time.Time
	// overdue reports that the running attempt has become slow.
	overdue bool
	// part is where the running attempt counts: the account's part of the room
	// that it was started in. A trusted webhook's attempt that becomes slow
	// counts with the suspects from then on.
	part *part
}

// lane is where a webhook belongs by how its recent attempts went.
type lane int

const (
	// unproven: no attempt has ended yet, as far as is known.
	unproven lane = iota
	// trusted: the latest attempt was quick, and no running one is slow.
	trusted
	// suspect: the latest attempt was slow, or a running one is.
	suspect
	lanes // the number of lanes
)

// lineKey is what messages of a line have in common.
type lineKey struct {
	webhook.EventKey
	test bool
}

func keyOfLine(m webhook.Message) lineKey { return lineKey{m.EventKey(), m.Test} }

// line is what the queue holds and remembers for one event key, or for the tests
// of it.
type line struct {
	account *account
	lane    lane
	// node is in the turns of its part while the line may start another
	// attempt.
	node  node[*line]
	ready list[*entry]
	// held counts its messages: future, waiting, and running.
	held int
	// running counts its running attempts, overdue those that are slow.
	running, overdue int
}

// part returns the part of the account that the line belongs to.
func (l *line) part() *part { return &l.account.parts[l.lane] }

// account is what the queue holds for one account.
type account struct {
	parts [lanes]part // by lane
	lines int         // how many it has
}

// held returns how many messages the account has.
func (a *account) held() (sum int) {
	for i := range a.parts {
		sum += a.parts[i].held
	}
	return sum
}

// part is the lines of an account in the same lane, and what they take of the
// lane's room.
type part struct {
	account *account
	lane    lane
	// node is in the queue's turns or blocked parts while a line takes turns.
	node  node[*part]
	turns list[*line]
	// held counts the messages of the lines, running the attempts in the room.
	held, running int
	// refused reports that a message was refused for lack of room.
	refused bool
}

// line returns the line of a key, and creates it if need be: trusted if it is
// proven.
func (q *Queue) line(s lineKey, proven bool) *line {
	if l := q.lines[s]; l != nil {
		return l
	}
	q.forget()
	a := q.accounts[s.Account]
	if a == nil {
		a = &account{}
		for i := range a.parts {
			a.parts[i].account, a.parts[i].lane = a, lane(i)
			a.parts[i].node.owner = &a.parts[i]
		}
		q.accounts[s.Account] = a
	}
	a.lines++
	l := &line{account: a}
	if proven {
		l.lane = trusted
	}
	l.node.owner = l
	q.lines[s] = l
	return l
}

// forget drops idle lines when there are many: a few for each new one, in the
// map's random order.
func (q *Queue) forget() {
	if len(q.lines) < remembered {
		return
	}
	looked := 0
	for s, l := range q.lines {
		if l.held == 0 {
			delete(q.lines, s)
			if l.account.lines--; l.account.lines == 0 {
				delete(q.accounts, s.Account)
			}
		}
		if looked++; looked == 8 {
			return
		}
	}
}
