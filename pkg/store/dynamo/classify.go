package dynamo

import (
	"errors"
	"net"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// outcome is what a single request came to.
type outcome int

const (
	success outcome = iota
	// condition: DynamoDB decided that a condition does not hold.
	condition
	// refused: certainly not carried out, and may succeed when tried again.
	refused
	// lost: it may have been carried out, or may still be.
	lost
	// internalError: certainly not carried out, and would fail again: a wrong
	// request, missing rights, a missing table.
	internalError
)

// errUnprocessed: an answer left a part undone, as DynamoDB does when it is
// busy.
var errUnprocessed = errors.New("a part was left unprocessed")

// ErrNoTable says that a table of the store does not exist, under its name in
// this region.
var ErrNoTable = errors.New("there is no such DynamoDB table")

// causeOf gives the error of a request that would fail again. The SDK's own
// words are kept as text only, so that nothing of them is compared but the code.
func causeOf(err error) error {
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return ErrNoTable
	}
	told := &definiteError{text: err.Error()}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		told.code = api.ErrorCode()
	}
	return told
}

// definiteError is an error's text and DynamoDB's code for it, "" for none. It
// wraps nothing.
type definiteError struct{ text, code string }

func (e *definiteError) Error() string { return e.text }

// ErrorCode is DynamoDB's code, such as AccessDeniedException.
func (e *definiteError) ErrorCode() string { return e.code }

// classify checks the error of one request. Whatever is not known to be
// definite counts as lost. The codes are those of
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html.
func classify(err error, sent *progress) outcome {
	if err == nil {
		return success
	}
	if errors.Is(err, errUnprocessed) {
		return refused
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() != 0 {
		return classifyResponse(err, response.HTTPStatusCode())
	}
	if sent.nothingSent() || isDialError(err) {
		return refused
	}
	var sendError *smithyhttp.RequestSendError
	var cancelled *smithy.CanceledError
	if sent.started.Load() || errors.As(err, &sendError) || errors.As(err, &cancelled) {
		return lost
	}
	if isContextError(err) {
		return refused // ended before it was built
	}
	return internalError // could not be built or signed
}

// classifyResponse checks an answer that DynamoDB, or something before it, gave
// with the HTTP status.
func classifyResponse(err error, status int) outcome {
	if status < 400 || status > 499 || status == http.StatusRequestTimeout {
		return lost // 2xx and 3xx: the answer could not be read
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return classifyReasons(cancelled.CancellationReasons)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return refused // for a reason that was lost on the way
	}
	switch api.ErrorCode() {
	case "ConditionalCheckFailedException":
		return condition
	case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
		"TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException":
		return refused
	}
	// The SDK marks errors over a wrong clock so; it has set its own right
	// by the answer, and the next try is signed with that.
	var retryable interface{ RetryableError() bool }
	if status == http.StatusTooManyRequests || errors.As(err, &retryable) && retryable.RetryableError() {
		return refused
	}
	return internalError
}

// classifyReasons checks why a transaction was cancelled. A conflict or
// throttling beside failed conditions is tried again: only then are all the
// conditions known.
func classifyReasons(reasons []types.CancellationReason) outcome {
	failed, busy := false, false
	for _, r := range reasons {
		switch aws.ToString(r.Code) {
		case "", reasonNone:
		case reasonCondition:
			failed = true
		case "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError":
			busy = true
		default:
			return internalError
		}
	}
	if failed && !busy {
		return condition
	}
	return refused
}

// Codes of a CancellationReason.
const (
	reasonNone      = "None"
	reasonCondition = "ConditionalCheckFailed"
)

func isDialError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
