// Command shoptet-register is the Lambda function behind Shoptet's webhook
// API. It registers webhooks. It can put them, check which are there and look
// up tokens, and reads no key back.
package main

import (
	"github.com/hookline/hookline/functions/internal/boot"
	"github.com/hookline/hookline/pkg/dialect/shoptet"
)

func main() { boot.Register(shoptet.API()) }
