// Command abbeycross-manage is the Lambda function for all of AbbeyCross's
// webhook API except registration. It lists and deletes webhooks, rotates their
// signing keys and looks up tokens, and opens no key.
package main

import (
	_ "time/tzdata" // for working hours; the runtime may have no time zones

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/api/abbeycross"
)

func main() { start.Serve(abbeycross.API()) }
