// Package infra holds what is around the functions: the nested CloudFormation
// templates of the data (data.yaml) and of alarms and dashboard
// (operations.yaml), the policies of those who deploy, operate and publish
// (policies), the tools that building and testing need (tools), and the tests
// that hold template.yaml, functions/ and the import rules together. It
// has no code of its own.
//
// Its tests guarantee that every function has a folder, a resource, a role of
// its own with exactly the rights that are written down here, a log group and
// the routes that are written down here; that nothing that holds data can be
// lost by a deployment; and that each room imports only what it may.
// What AWS itself would refuse, package awsrules asks of the translated templates.
package infra
