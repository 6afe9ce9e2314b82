// Command publish is the Lambda function behind POST /events: it makes durable
// records of events and asks for their deliveries. It opens no signing key.
// Who may call, IAM has judged before the gateway lets a request through.
package main

import (
	"github.com/hookline/hookline/functions/internal/boot"
	"github.com/hookline/hookline/functions/internal/dispatch"
)

func main() { dispatch.Start(build, func(g *boot.Gateway) any { return g.Respond }) }
