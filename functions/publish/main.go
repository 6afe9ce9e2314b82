// Command publish is the Lambda function behind POST /events. It stores events
// durably and queues their deliveries. It opens no signing key. IAM authorises
// callers before the gateway passes a request on.
package main

import (
	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/functions/internal/start"
)

func main() { start.Run(build, func(g *gateway.Function) any { return g.Respond }) }
