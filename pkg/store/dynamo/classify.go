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

// outcome is the outcome of a single request.
type outcome int

const (
	success outcome = iota
	// condition: a condition does not hold.
	condition
	// refused: certainly not executed, and may succeed when repeated.
	refused
	// lost: may have been executed, or may still be.
	lost
	// internalError: certainly not executed, and would fail again: an invalid
	// request, missing permissions, a missing table.
	internalError
)

// errUnprocessed: the response left a part undone, as DynamoDB does when it is
// busy.
var errUnprocessed = errors.New("a part was left unprocessed")

// ErrNoTable means that a table of the store does not exist under its name in
// this region.
var ErrNoTable = errors.New("there is no such DynamoDB table")

// causeOf returns the error of a request that would fail again. It keeps the
// SDK's error only as text and code, so that callers cannot depend on the rest.
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

// definiteError is the text of an internal error and its DynamoDB code, "" if
// it has none. It wraps nothing.
type definiteError struct{ text, code string }

func (e *definiteError) Error() string { return e.text }

// ErrorCode returns DynamoDB's code, such as AccessDeniedException.
func (e *definiteError) ErrorCode() string { return e.code }

// classify returns the outcome of one request. Whatever is not known to be
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

// classifyResponse classifies a response with an HTTP status from DynamoDB or a
// proxy before it.
func classifyResponse(err error, status int) outcome {
	if status < 400 || status > 499 || status == http.StatusRequestTimeout {
		return lost // 2xx and 3xx: the response could not be read
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return classifyReasons(cancelled.CancellationReasons)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return refused // the reason was lost on the way
	}
	switch api.ErrorCode() {
	case "ConditionalCheckFailedException":
		return condition
	case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
		"TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException":
		return refused
	}
	// The SDK marks requests refused for a wrong clock like this. It has
	// corrected its clock by the response, and signs the next try with that.
	var retryable interface{ RetryableError() bool }
	if status == http.StatusTooManyRequests || errors.As(err, &retryable) && retryable.RetryableError() {
		return refused
	}
	return internalError
}

// classifyReasons classifies the reasons of a cancelled transaction. One with
// conflicts or throttling besides failed conditions is repeated: only without
// them are all conditions known.
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
