package abbeycross

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI returns the OpenAPI 3.1 description of the API as YAML. It is
// separate from API so that programs that do not show it do not contain it.
func OpenAPI() string { return openAPI }
