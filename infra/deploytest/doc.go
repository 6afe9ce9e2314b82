// Package deploytest deploys the template that users deploy and tries what is
// deployed, without an AWS account. It has no code but tests.
//
// `sam deploy` hands the built template to CloudFormation, as a user's would.
// The AWS that it reaches is ministack, in one process on a loopback address,
// which runs the built functions, calls them through API Gateway over HTTP, and
// checks every AWS call of theirs against their roles' policies
// (infra/tools/ministack). Nothing is skipped: when a tool or a built function
// is missing, the tests fail and say which command makes it.
//
// # What is held
//
//   - TestDeploy: a new stack with everything that is an option works, API by
//     API; events that are published reach a receiver, signed with the keys that
//     customers were shown, again after a failure, also when their message was
//     lost, and not after a 410; the portal is entered by links, a customer's and
//     the operator's; the operator is told of webhooks that fail, on a bus of
//     EventBridge; policies are enforced; deleting the stack leaves tables
//     and key. In long runs a second stack that is told their names goes on where
//     the first stopped, with the same sealing key, and signs with the same
//     signing keys.
//
//   - TestUpgrade: deploying over the previous version loses no account, token,
//     webhook or signing key, replaces no table, and delivers to the webhooks
//     that are there.
//
// These run where HOOKLINE_TEST_LONG is set:
//
//   - TestUpgradeFromOneQueue: an update from a stack with one queue keeps it as
//     the fast lane, and delivers what waits in it.
//
//   - TestRotation: with a new sealing key what was sealed before still signs,
//     and what comes later is sealed to it; so it is when the stack goes back to
//     the former key, or is pointed to a restored table that is older.
//
//   - TestOptions: a second deployment with the same parameter file undoes
//     nothing.
//
// A step of these is in a file of its own kind and takes the stack it works on:
// register_test.go, lifecycle_test.go, publish_test.go, delivery_test.go,
// notices_test.go, policies_test.go, rotate_test.go, kept_test.go.
//
// # The previous version
//
// testdata/previous holds the templates of the version before this one, as its
// users have deployed them. They are replaced at a release: by copies of
// template.yaml and infra/*.yaml, before any changes again. Its functions and
// the operator's commands are built from the newest commit that has exactly
// these templates. Where git cannot say (no repository, or too short a history),
// this version's functions stand in for them: what CloudFormation makes of the
// change is then tested all the same, though not what the earlier functions
// wrote. The test's log says which it was.
//
// # What ministack lacks
//
// It makes no routes of the OpenAPI document that SAM gives an HTTP API: the
// tests make them, from that document as CloudFormation has it (gateway_test.go).
// Of a route's callers it checks rights, but not their signatures. It keeps no
// resource policies of API Gateway's calls, throttles nothing, and writes no
// access log. What receives messages for a function is not checked against its
// role: that it may, infra's own tests hold. Of condition keys it is told those
// that the policies use.
package deploytest
