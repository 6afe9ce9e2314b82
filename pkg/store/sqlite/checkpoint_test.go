package sqlite

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkCheckpoint compares a file whose log is checkpointed every two
// seconds with one whose log is checkpointed at its size alone, in turns of
// three seconds. Writers leave moments in which none waits, without which there
// is no checkpoint before its size.
func BenchmarkCheckpoint(b *testing.B) {
	const writers, turns = 4, 8
	var rates [2][]float64
	var stores [2]*Store
	for i, every := range []time.Duration{time.Hour, checkpointInterval} {
		s, err := Open(filepath.Join(b.TempDir(), "hookline.db"), Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		s.writer.every = every
		if err := s.writer.write(b.Context(), func(tx *session) error {
			_, err := tx.run("CREATE TABLE bench (content BLOB)")
			return err
		}); err != nil {
			b.Fatal(err)
		}
		stores[i] = s
	}
	for b.Loop() {
		for turn := range 2 * turns {
			s := stores[turn%2]
			var all sync.WaitGroup
			var counts [writers]int
			until := time.Now().Add(3 * time.Second)
			for n := range writers {
				all.Go(func() {
					for time.Now().Before(until) {
						if err := s.writer.write(b.Context(), writePages); err != nil {
							b.Error(err)
							return
						}
						counts[n]++
					}
				})
			}
			all.Wait()
			total := 0
			for _, n := range counts {
				total += n
			}
			rates[turn%2] = append(rates[turn%2], float64(total)/3)
		}
	}
	for i := range rates {
		slices.Sort(rates[i])
	}
	without, with := rates[0][len(rates[0])/2], rates[1][len(rates[1])/2]
	b.ReportMetric(without, "writes/s-without")
	b.ReportMetric(with/without, "of-without")
}

// writePages writes pages of its own.
func writePages(tx *session) error {
	_, err := tx.run("INSERT INTO bench VALUES (randomblob(1000))")
	return err
}
