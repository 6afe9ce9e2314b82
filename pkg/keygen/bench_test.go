package keygen_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/keygen"
)

// The generator's cost with the system's random source, from several
// goroutines at once, as requests use it.
func Benchmark(b *testing.B) {
	g := keygen.New(rand.Reader, time.Now)
	bench := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := f(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	bench("UUID", func() error { _, err := g.UUID(); return err })
	bench("Sequence", func() error { _, err := g.Sequence(7); return err })
	for _, tt := range secretMakers {
		bench(tt.name, func() error { _, err := tt.make(g); return err })
	}
	token := secretMakers[3].golden
	b.Run("LooksLikeToken", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !keygen.LooksLikeToken(token) {
				b.Fatal("refused")
			}
		}
	})
}
