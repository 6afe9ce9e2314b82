package shoptet_test

import (
	"testing"

	"github.com/hookline/hookline/pkg/dialect/dialecttest"
	"github.com/hookline/hookline/pkg/dialect/shoptet"
)

func BenchmarkRegister(b *testing.B) {
	dialecttest.Benchmark(b, shoptet.API(), []string{
		`{"data":[{"event":"order:create","url":"https://hooks.example.com/shoptet/create"}]}`,
		`{"data":[{"event":"order:paid","url":"https://hooks.example.com/shoptet/paid"}]}`,
		`{"data":[{"event":"order:delete","url":"https://hooks.example.com/shoptet/delete"}]}`,
	})
}
