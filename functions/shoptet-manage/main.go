// Command shoptet-manage is the Lambda function for all of Shoptet's webhook
// API but registering. It lists, changes and deletes webhooks, renews accounts'
// signing keys, lists notifications and looks up tokens, and opens no key.
package main

import (
	"github.com/hookline/hookline/functions/internal/boot"
	"github.com/hookline/hookline/pkg/dialect/shoptet"
)

func main() { boot.Serve(shoptet.API(), boot.Deliveries) }
