// Command deliver is the Lambda function that makes the attempts that messages
// of the queue ask for. Only this function may have KMS unwrap the sealing key,
// and so sign.
package main

import (
	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/delivery/sender"
)

func main() {
	start.Run(build, func(h *handler) any {
		sender.FilterUnsolicited(h.log)
		return h.Deliver
	})
}
