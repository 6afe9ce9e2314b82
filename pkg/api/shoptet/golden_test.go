package shoptet_test

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/shoptet"
)

func TestGolden(t *testing.T) { apitest.Golden(t, shoptet.API()) }
