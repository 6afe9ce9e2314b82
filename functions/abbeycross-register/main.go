// Command abbeycross-register is the Lambda function that registers webhooks of
// AbbeyCross's API. It can add webhooks and look up tokens, and reads no key.
package main

import (
	_ "time/tzdata" // for working hours; the runtime may have no time zones

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/api/abbeycross"
)

func main() { start.Serve(abbeycross.API()) }
