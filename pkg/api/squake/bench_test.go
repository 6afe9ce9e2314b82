package squake_test

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/squake"
)

func BenchmarkRegister(b *testing.B) {
	apitest.Benchmark(b, squake.API(), []string{
		`{"kind":"order","endpoint_url":"https://hooks.example.com/squake/order"}`,
		`{"kind":"confirmation_document_available","endpoint_url":"https://hooks.example.com/squake/confirmation"}`,
		`{"kind":"certificate_document_available","endpoint_url":"https://hooks.example.com/squake/certificate"}`,
	})
}
