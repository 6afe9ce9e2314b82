package abbeycross_test

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/abbeycross"
)

func BenchmarkRegister(b *testing.B) {
	apitest.Benchmark(b, abbeycross.API(), []string{
		`{"url":"https://hooks.example.com/abbeycross","events":["shipment.created"]}`,
		`{"url":"https://hooks.example.com/abbeycross","events":["shipment.delivered"]}`,
		`{"url":"https://hooks.example.com/abbeycross","events":["shipment.lost"]}`,
	})
}
