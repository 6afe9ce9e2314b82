package api

import (
	"errors"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

// Sendings returns how each API's deliveries are made, by the API's name. The
// error names every setting that is wrong.
func Sendings(apis []API, setup Setup) (map[webhook.API]webhook.Sending, error) {
	sendings := map[webhook.API]webhook.Sending{}
	var errs []error
	for _, api := range apis {
		sending, err := api.Sending(setup)
		if err != nil {
			errs = append(errs, fmt.Errorf("set up %s: %w", api.Name, err))
		}
		sendings[api.Name] = sending
	}
	return sendings, errors.Join(errs...)
}
