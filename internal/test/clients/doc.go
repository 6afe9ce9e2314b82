// Package clients makes clients from the OpenAPI descriptions with the
// generators that customers use, and holds each to the same transcript: what a
// customer's program prints that registers, is refused, lists, changes and
// deletes. Every description must also do without what one generator or another
// does not understand. `make tools-long` installs the generators into .tools/clients.
package clients
