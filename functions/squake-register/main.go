// Command squake-register is the Lambda function behind Squake's webhook API.
// It registers webhooks. It can put them and look up tokens, and reads no key
// back.
package main

import (
	"github.com/hookline/hookline/functions/internal/boot"
	"github.com/hookline/hookline/pkg/dialect/squake"
)

func main() { boot.Register(squake.API()) }
