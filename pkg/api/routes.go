package api

import "slices"

// Routes is the API's route table, for those who describe it.
func (e *handler) Routes() []Route { return slices.Clone(e.server.Routes) }
