package squake_test

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/squake"
)

func TestGolden(t *testing.T) { apitest.Golden(t, squake.API()) }
