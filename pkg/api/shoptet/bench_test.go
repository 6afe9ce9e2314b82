package shoptet_test

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/shoptet"
)

func BenchmarkRegister(b *testing.B) {
	apitest.Benchmark(b, shoptet.API(), []string{
		`{"data":[{"event":"order:create","url":"https://hooks.example.com/shoptet/create"}]}`,
		`{"data":[{"event":"order:paid","url":"https://hooks.example.com/shoptet/paid"}]}`,
		`{"data":[{"event":"order:delete","url":"https://hooks.example.com/shoptet/delete"}]}`,
	})
}
