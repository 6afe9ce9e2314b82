package abbeycross

import (
	_ "embed"

	"github.com/hookline/hookline/pkg/api"
)

// samples has lines for the events that operators are likely to name, and one
// for the others: see [api.Sample].
//
//go:embed samples.txt
var samples string

func sample(event string) (payload []byte, instance string) { return api.Sample(samples, event) }
