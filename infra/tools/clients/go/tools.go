//go:build tools

// Package clients pins oapi-codegen and what its Go clients need. The tests of
// generated clients build them in a copy of this module.
package clients

import (
	_ "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
	_ "github.com/oapi-codegen/runtime"
	_ "github.com/oapi-codegen/runtime/types"
)
