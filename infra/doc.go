// Package infra holds what is around the functions: the nested CloudFormation
// template of the data (data.yaml), the tools that building and testing need
// (tools), and the tests that hold template.yaml, functions/, events/ and the
// import rules together. It has no code of its own.
//
// Its tests guarantee that every function has a folder, a resource, a role of
// its own with exactly the rights that are written down here, a log group and
// an event file for each of its routes; that nothing that holds data can be
// lost by a deployment; and that each room imports only what it may.
//
// # Event files
//
// events/<function>/<case>.json is what API Gateway (HTTP API, payload 2.0) or
// CloudFormation hands to the function, for `sam local invoke` and for replays.
// <case>.want.json beside it says what must come back: the status, headers and
// body members named there, others may be there too (the elements of a list are
// all named); for CloudFormation, the Status of the response. "after" names the
// cases that are sent before it in the same account or stack; apart from those,
// each case starts with an account that has no webhooks.
//
// Tokens are placeholders, which the one who replays puts in place of:
// hk_test_PLACEHOLDER (may read and write), hk_test_READONLY_PLACEHOLDER (may
// read) and hk_test_EXPIRED_PLACEHOLDER. hk_test_UNKNOWN stands for none. The
// ResponseURL of the keyring's events is a placeholder too. events/env.json
// holds the settings that the cases count on, in the form that
// `sam local invoke --env-vars` reads.
package infra
