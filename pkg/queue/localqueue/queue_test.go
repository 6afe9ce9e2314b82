package localqueue_test

import (
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/queue/localqueue"
)

var _ delivery.Queue = (*localqueue.Queue)(nil)
