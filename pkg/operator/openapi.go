package operator

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI returns the OpenAPI 3.1 description of the API as YAML.
func OpenAPI() string { return openAPI }
