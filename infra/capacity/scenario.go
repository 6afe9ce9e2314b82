package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/hookline/hookline/infra/capacity/fleet"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/webhook"
)

// worst is the API whose failed deliveries cost most: ten attempts of 15 seconds.
const worst = "squake"

// sending returns how an API's deliveries are made.
func sending(name webhook.API) (webhook.Sending, error) {
	sendings, err := api.Sendings(all.APIs(), api.Setup{
		Keys:     keygen.New(rand.Reader, time.Now),
		Getenv:   func(string) string { return "trip.started" },
		Deployed: true,
	})
	if err != nil {
		return webhook.Sending{}, err
	}
	s, ok := sendings[name]
	if !ok {
		return webhook.Sending{}, fmt.Errorf("there is no API %q", name)
	}
	return s, nil
}

const (
	seed = 1
	// slowShare is the share of webhooks whose receivers take seconds.
	slowShare = 0.02
	// perSecond is how many webhooks there are for each delivery a second.
	perSecond = 100
	// aDay is as many webhooks as get one event a day.
	aDay = 24 * 60 * 60
)

// What template.yaml says of both lanes, of publishing and of sweeping. A test
// compares them with it.
const (
	defaultFast, defaultSlow = 3, 2
	fastBatch, slowBatch     = 10, 100
	slowWindow               = time.Second
	deliverMemory            = 512
	publishMemory            = 512
	sweepMemory              = wholeCPU
	sweepParts               = 4
)

// stack are a stack's settings for so many batches at once. All attempts of a
// batch are made at once.
func stack(fast, slow int) fleet.Settings {
	return fleet.Settings{
		Lanes: true,
		Fast:  fleet.LaneSettings{Concurrency: fast, Batch: fastBatch, Memory: deliverMemory, Parallel: fastBatch},
		Slow:  fleet.LaneSettings{Concurrency: slow, Batch: slowBatch, Window: slowWindow, Memory: deliverMemory, Parallel: slowBatch},
		// The rest is left to publish, sweep and the functions that register.
		Account: 1000, Others: 50,
		PublishMemory: publishMemory, SweepMemory: sweepMemory, Sweepers: sweepParts,
		Platform: fleet.AWS(),
	}
}

// wholeCPU is the memory in MB that comes with one vCPU.
const wholeCPU = 1769

// load is a mix of receivers, in the long run.
func load(rate, hanging float64) (fleet.Load, error) {
	s, err := sending(worst)
	return fleet.Load{
		Rate: rate, Events: 10, Webhooks: int(rate * perSecond), Skew: 2,
		Hanging: hanging, Slow: slowShare, Receivers: fleet.Usual(), Sending: s,
	}, err
}
