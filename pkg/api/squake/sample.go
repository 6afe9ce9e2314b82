package squake

import (
	_ "embed"

	"github.com/hookline/hookline/pkg/api"
)

// samples has a line for each event: see [api.Sample].
//
//go:embed samples.txt
var samples string

func sample(event string) (payload []byte, instance string) { return api.Sample(samples, event) }
