package sqs_test

import (
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/queue/sqs"
)

var _ delivery.Queue = (*sqs.Queue)(nil)
