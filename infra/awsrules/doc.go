// Package awsrules holds the templates to what AWS refuses, or takes and then
// does not do as meant, and no emulator minds. It has no code but tests.
//
// SAM's own translator turns template.yaml into what CloudFormation gets
// (translate.py). For several sets of parameters the conditions are then
// decided, as CloudFormation would decide them, and each rule is asked of the
// result. A rule names the document of AWS or the report that it comes from,
// and has at least one planted fault, a change of the translated templates that
// it must find: a rule that finds nothing holds nothing.
//
// The rules judge what can be known without an account. They do not know
// quotas, what is in the account already, or whether a key, a certificate or a
// subnet that a parameter names is there.
package awsrules
