package shoptet_test

import (
	"testing"

	"github.com/hookline/hookline/pkg/dialect/dialecttest"
	"github.com/hookline/hookline/pkg/dialect/shoptet"
)

func TestGolden(t *testing.T) { dialecttest.Golden(t, shoptet.API()) }
