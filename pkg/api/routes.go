package api

import "slices"

// Routes returns the API's route table, for tests and documentation.
func (e *handler) Routes() []Route { return slices.Clone(e.server.Routes) }
