package abbeycross_test

import (
	"testing"

	"github.com/hookline/hookline/pkg/dialect/abbeycross"
	"github.com/hookline/hookline/pkg/dialect/dialecttest"
)

func BenchmarkRegister(b *testing.B) {
	dialecttest.Benchmark(b, abbeycross.API(), []string{
		`{"url":"https://hooks.example.com/abbeycross","events":["shipment.created"]}`,
		`{"url":"https://hooks.example.com/abbeycross","events":["shipment.delivered"]}`,
		`{"url":"https://hooks.example.com/abbeycross","events":["shipment.lost"]}`,
	})
}
