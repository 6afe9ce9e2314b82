package abbeycross

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI is the description of the API in OpenAPI 3.1, as YAML. It is not part
// of API, so that programs which do not show it do not carry it.
func OpenAPI() string { return openAPI }
