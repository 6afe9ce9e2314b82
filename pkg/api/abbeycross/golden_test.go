package abbeycross_test

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/abbeycross"
)

func TestGolden(t *testing.T) { apitest.Golden(t, abbeycross.API()) }
