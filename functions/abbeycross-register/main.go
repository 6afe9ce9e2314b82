// Command abbeycross-register is the Lambda function behind AbbeyCross's
// webhook API. It registers webhooks. It can put them and look up tokens, and
// reads no key back.
package main

import (
	_ "time/tzdata" // working hours have a time zone, and the runtime may have none

	"github.com/hookline/hookline/functions/internal/boot"
	"github.com/hookline/hookline/pkg/dialect/abbeycross"
)

func main() { boot.Register(abbeycross.API()) }
