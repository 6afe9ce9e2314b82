package sqlite

// Commits says how many groups of requests were committed.
func (s *Store) Commits() int64 { return s.writer.commits.Load() }

// isClosing reports whether close has been called.
func (w *writer) isClosing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// acceptedSoFar says how many requests were ever queued.
func (w *writer) acceptedSoFar() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.accepted
}
