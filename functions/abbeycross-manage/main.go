// Command abbeycross-manage is the Lambda function for all of AbbeyCross's
// webhook API but registering. It lists and deletes webhooks, rotates their
// signing keys and looks up tokens, and opens no key.
package main

import (
	_ "time/tzdata" // working hours have a time zone, and the runtime may have none

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/api/abbeycross"
)

func main() { start.Serve(abbeycross.API()) }
