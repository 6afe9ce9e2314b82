package local

// list is a doubly linked list of nodes embedded in its members, so that moving
// one allocates nothing. A node is in one list at a time.
type list[T any] struct{ first, last *node[T] }

type node[T any] struct {
	in         *list[T] // nil if in none
	prev, next *node[T]
	owner      T
}

func (l *list[T]) push(n *node[T]) {
	n.in, n.prev, n.next = l, l.last, nil
	if l.last == nil {
		l.first = n
	} else {
		l.last.next = n
	}
	l.last = n
}

// leave removes the node from its list, if any.
func (n *node[T]) leave() {
	l := n.in
	if l == nil {
		return
	}
	if n.prev == nil {
		l.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.in, n.prev, n.next = nil, nil, nil
}
