// Command portal-operator is the Lambda function behind the operator's pages:
// everything under /portal/operator. Of the pages it alone makes accounts and
// tokens, keeps the operator's links and sessions, and lets the operator enter an
// account's pages. It opens no signing key and changes no webhook.
package main

import (
	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/functions/internal/start"
)

func main() { start.Run(build, func(g *gateway.Function) any { return g.Respond }) }
