package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// maxConnections is how many connections the server has at most.
	maxConnections = 4096
	// deliveryFiles is how many files the deliveries may have open: connections
	// of attempts, and those that are kept between attempts. otherFiles are
	// those of the database, and whatever else is open.
	deliveryFiles = 2 * 512
	otherFiles    = 64
)

// connectionLimit returns how many connections the server may have when the
// process may have so many files open: what deliveries and database leave, and
// a quarter if they would leave less.
func connectionLimit(files uint64) int {
	files = min(files, 1<<20)
	return min(max(int(files)-deliveryFiles-otherFiles, int(files)/4, 1), maxConnections)
}

// connections is a listener with a bounded number of connections. When one more
// comes, it closes the one that has waited longest for a request or its header,
// so that clients that send nothing keep nobody out. If all serve requests, the
// new one waits.
type connections struct {
	net.Listener
	limit int

	mu     sync.Mutex
	freed  sync.Cond
	all    map[*connection]struct{}
	closed bool
}

func limitConnections(l net.Listener, limit int) *connections {
	c := &connections{Listener: l, limit: limit, all: map[*connection]struct{}{}}
	c.freed.L = &c.mu
	return c
}

// connection is one of them.
type connection struct {
	net.Conn
	of *connections
	// since is when it began to wait, zero while it serves a request.
	since time.Time
}

// Accept waits for a connection, and then for room.
func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.all) >= c.limit && !c.closed {
		if idle := c.longestWaiting(); idle != nil {
			delete(c.all, idle)
			_ = idle.Conn.Close()
		} else {
			c.freed.Wait()
		}
	}
	if c.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	added := &connection{Conn: conn, of: c, since: time.Now()}
	c.all[added] = struct{}{}
	return added, nil
}

// longestWaiting returns nil if all serve requests.
func (c *connections) longestWaiting() (longest *connection) {
	for conn := range c.all {
		if !conn.since.IsZero() && (longest == nil || conn.since.Before(longest.since)) {
			longest = conn
		}
	}
	return longest
}

// Close closes the listener. Accept waits no longer.
func (c *connections) Close() error {
	c.mu.Lock()
	c.closed = true
	c.freed.Broadcast()
	c.mu.Unlock()
	return c.Listener.Close()
}

// Close closes the connection and makes room.
func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.all, c)
	c.of.freed.Signal()
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// begin notes that the connection serves a request. It reports whether the
// connection is still open.
func (c *connection) begin() bool {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.since = time.Time{}
	_, open := c.of.all[c]
	return open
}

// counts returns how many connections serve a request, how many wait for one,
// and how many there may be.
func (c *connections) counts() (serving, waiting, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.all {
		if conn.since.IsZero() {
			serving++
		}
	}
	return serving, len(c.all) - serving, c.limit
}

// end notes that the connection waits for the next request.
func (c *connection) end() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.since = time.Now()
	c.of.freed.Signal()
}

// connectionKey is the key of a request's connection in its context.
type connectionKey struct{}

// connectionOf returns what the limit knows of a server's connection, and
// whether its requests come several at once, as with HTTP/2.
func connectionOf(conn net.Conn) (_ *connection, multiplexed bool) {
	if secure, ok := conn.(*tls.Conn); ok {
		multiplexed = secure.ConnectionState().NegotiatedProtocol == "h2"
		conn = secure.NetConn()
	}
	limited, _ := conn.(*connection)
	return limited, multiplexed
}

// serveOn lets a server tell the connections of c when they serve requests.
func (c *connections) serveOn(s *http.Server) {
	handler := s.Handler
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, conn)
	}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, ok := r.Context().Value(connectionKey{}).(net.Conn)
		if limited, _ := connectionOf(conn); ok && limited != nil && r.ProtoMajor < 2 && !limited.begin() {
			panic(http.ErrAbortHandler) // nobody would get the response
		}
		handler.ServeHTTP(w, r)
	})
	s.ConnState = func(conn net.Conn, state http.ConnState) {
		if state != http.StateIdle && state != http.StateActive {
			return
		}
		// Of HTTP/1.1 a connection is active from the first byte of a header;
		// of HTTP/2 from the first request to the end of the last.
		switch limited, multiplexed := connectionOf(conn); {
		case limited == nil:
		case state == http.StateIdle:
			limited.end()
		case multiplexed:
			limited.begin()
		}
	}
}
