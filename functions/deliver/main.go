// Command deliver is the Lambda function that makes the attempts which
// messages of the queue ask for. It alone may have KMS open the sealing key,
// and so sign.
package main

import (
	"github.com/hookline/hookline/functions/internal/dispatch"
	"github.com/hookline/hookline/pkg/delivery/outbound"
)

func main() {
	dispatch.Start(build, func(h *handler) any {
		outbound.FilterUnsolicited(h.log)
		return h.Deliver
	})
}
