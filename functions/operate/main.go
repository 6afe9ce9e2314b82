// Command operate is the Lambda function behind the operator's API: everything
// under /operator/. It looks after accounts, tokens, webhooks and deliveries,
// and queues attempts. It opens no signing key. IAM authorises callers before
// the gateway passes a request on.
package main

import (
	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/functions/internal/start"
)

func main() { start.Run(build, func(g *gateway.Function) any { return g.Respond }) }
