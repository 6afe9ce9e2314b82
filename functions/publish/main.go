// Command publish is the Lambda function behind POST /events: it makes durable
// records of events and asks for their deliveries. It opens no signing key.
// Who may call, IAM has decided before the gateway lets a request through.
package main

import (
	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/functions/internal/worker"
)

func main() { worker.Start(build, func(g *start.Gateway) any { return g.Respond }) }
