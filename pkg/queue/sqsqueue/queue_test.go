package sqsqueue_test

import (
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/queue/sqsqueue"
)

var _ delivery.Queue = (*sqsqueue.Queue)(nil)
