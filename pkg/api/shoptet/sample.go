package shoptet

import (
	_ "embed"

	"github.com/hookline/hookline/pkg/api"
)

// samples has a line for each family of events: see [api.Sample].
//
//go:embed samples.txt
var samples string

// sample returns neither payload nor instance for a mass event: it is about
// several things.
func sample(event string) (payload []byte, instance string) {
	if isMass(event) {
		return nil, ""
	}
	return api.Sample(samples, event)
}
