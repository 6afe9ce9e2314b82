// Command squake-register is the Lambda function that registers webhooks of
// Squake's API. It can put them and look up tokens, and reads no key back.
package main

import (
	"github.com/hookline/hookline/functions/internal/boot"
	"github.com/hookline/hookline/pkg/dialect/squake"
)

func main() { boot.Serve(squake.API()) }
