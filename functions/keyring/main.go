// Command keyring is the Lambda function that answers CloudFormation for the
// custom resource which makes a stack's sealing key. It guarantees that one
// version is one key, whatever is repeated, retried, rolled back or done twice
// at once, since it answers only from what the store holds; and that deleting
// the resource deletes nothing, since keys live as long as the records that they
// open. It refuses an update that moves the stack to a table without any sealing
// key: that table holds nothing which was ever sealed, so it was named by
// mistake, and the roll-back keeps the stack on the table that has the
// customers.
//
// A creation is never refused for that. A new stack may be given a table that
// is empty, or that was never sealed to, and nobody depends on it yet.
//
// The properties that it reads are SealingKeyVersion and WebhooksTable, the
// table's name. Its attributes are KeyId and PublicKey (standard base64 of the
// 65-byte point). It outlasts the time that IAM and KMS take to know a new role
// and key. A failure's reason is short and made of the function's own words; the
// cause goes to the log.
package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	c, err := readConfig(os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	handler, err := newHandler(c, log)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(cfn.LambdaWrap(handler.Handle))
}
