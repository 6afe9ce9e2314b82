package local_test

import (
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/queue/local"
)

var _ delivery.Queue = (*local.Queue)(nil)
