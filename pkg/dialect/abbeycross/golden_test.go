package abbeycross_test

import (
	"testing"

	"github.com/hookline/hookline/pkg/dialect/abbeycross"
	"github.com/hookline/hookline/pkg/dialect/dialecttest"
)

func TestGolden(t *testing.T) { dialecttest.Golden(t, abbeycross.API()) }
