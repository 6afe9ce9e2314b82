// Command abbeycross-register is the Lambda function that registers webhooks of
// AbbeyCross's API. It can put them and look up tokens, and reads no key back.
package main

import (
	_ "time/tzdata" // working hours have a time zone, and the runtime may have none

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/api/abbeycross"
)

func main() { start.Serve(abbeycross.API()) }
