// Command portal is the Lambda function behind the pages for customers'
// developers: everything under /portal but the operator's. It does what the APIs'
// functions do together, reads and sends again deliveries, and keeps links and
// sessions. It opens no signing key, and makes no account and no token.
package main

import (
	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/functions/internal/start"
)

func main() { start.Run(build, func(g *gateway.Function) any { return g.Respond }) }
