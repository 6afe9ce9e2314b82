// Package infra holds what is around the functions: the nested CloudFormation
// templates of the data (data.yaml) and of alarms and dashboard
// (operations.yaml), the policies of those who deploy, operate and publish
// (policies), the tools that building and testing need (tools), and the tests
// that hold template.yaml, functions/, events/ and the import rules together. It
// has no code of its own.
//
// Its tests guarantee that every function has a folder, a resource, a role of
// its own with exactly the rights that are written down here, a log group and
// event files for each of its routes, which the gateway would send to it and to
// no other, and for each answer that its API's description promises; that
// nothing that holds data can be lost by a deployment; and that each room
// imports only what it may.
//
// # Event files
//
// events/<function>/<case>.json is what API Gateway (HTTP API, payload 2.0),
// SQS, a schedule or CloudFormation hands to the function, for `sam local invoke` and for replays.
// <case>.want.json beside it says what must come back: the status, headers and
// body members named there, others may be there too (the elements of a list are
// all named); for CloudFormation, the Status of the response. A case without a
// body there has none. Each case starts with an account that has no webhooks,
// and may say what comes before it:
//
//   - "after": cases that are sent before it, in this order, in the same
//     account or stack: a case of the same function, or "<function>/<case>" of
//     another one of the same API. Each of them first has sent what comes
//     before itself.
//   - "other": cases that another account then sends. Whatever the case does,
//     the other account's webhooks stay as they are.
//   - "deliveries": true when the account has the deliveries of
//     events/deliveries.json besides. "age" is how long ago the event happened.
//     A delivery is of the webhook that is registered for its event, unless it
//     names one that is gone.
//
// The functions that publish, deliver and sweep are of no API: a case may come
// after cases of any function, each of which is sent once, all in one stack with
// one account of each API. Their <case>.want.json says besides:
//
//   - "answer": the status that receivers answer during the case. The replay's
//     receiver takes the place of https://hooks.example.com in all events.
//   - "received": how many requests reach it. Their signatures must be right.
//   - "sent": how many messages are sent to the queue.
//   - "batchItemFailures": the messages that go back to the queue.
//   - "overdue": true when Squake's account has a delivery that was to be
//     attempted ten minutes ago, and whose message was lost.
//
// In their events {squake}, {shoptet} and {abbeycross} mean these accounts,
// {now} the time at which the first case was sent, and a message {message} the
// one that was sent to the queue last.
//
// An event with {id} in it means the first id that the latest answer before it
// has, of those that have one.
//
// Tokens are placeholders, which the one who replays puts in place of:
// hk_test_PLACEHOLDER (may read and write), hk_test_READONLY_PLACEHOLDER,
// hk_test_WRITEONLY_PLACEHOLDER and hk_test_EXPIRED_PLACEHOLDER, each of the
// account that sends. hk_test_UNKNOWN stands for none. The ResponseURL of the
// keyring's events is a placeholder too. events/env.json holds the settings that
// the cases count on, in the form that `sam local invoke --env-vars` reads.
package infra
