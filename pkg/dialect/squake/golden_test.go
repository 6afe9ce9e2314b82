package squake_test

import (
	"testing"

	"github.com/hookline/hookline/pkg/dialect/dialecttest"
	"github.com/hookline/hookline/pkg/dialect/squake"
)

func TestGolden(t *testing.T) { dialecttest.Golden(t, squake.API()) }
