package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/seal/kms"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/store/dynamo"
)

const (
	// tableTimeout is how long to wait until a new table can be used.
	tableTimeout = 2 * time.Minute
	// stackTimeout bounds the lookup of a stack, including retries.
	stackTimeout = 30 * time.Second
)

// Names of the stack's outputs (template.yaml).
const (
	outputTable      = "WebhooksTable"
	outputDeliveries = "DeliveriesTable"
	outputRegion     = "Region"
	outputQueue      = "QueueUrl"
	outputSlowQueue  = "SlowQueueUrl" // not of a stack before it had two queues
	outputSealingKey = "SealingKmsKeyArn"
)

// settingParameters maps the environment variables in which the functions get
// their settings to the stack's parameters (template.yaml).
var settingParameters = map[string]string{
	"HOOKLINE_ALLOW_HTTP":        "AllowHttp",
	"HOOKLINE_ALLOW_PRIVATE":     "AllowPrivate",
	"HOOKLINE_ABBEYCROSS_EVENTS": "AbbeycrossEvents",
	"HOOKLINE_ABBEYCROSS_HOURS":  "AbbeycrossHours",
}

// awsConfig reads the AWS settings from the usual places: environment, profile
// and so on.
func awsConfig(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	switch {
	case err != nil:
		return aws.Config{}, fmt.Errorf("read the AWS settings: %w", err)
	case cfg.Region == "":
		return aws.Config{}, errors.New("no AWS region is set; set AWS_REGION, or the region of your AWS profile")
	}
	return cfg, nil
}

// newTableStore opens the two tables. The endpoint is the one that the AWS settings
// give for DynamoDB, such as AWS_ENDPOINT_URL_DYNAMODB.
func (p *program) newTableStore(cfg aws.Config, table, deliveries string) (*dynamo.Store, error) {
	client, err := dynamo.NewClient(dynamo.ClientConfig{
		Region:      cfg.Region,
		Credentials: cfg.Credentials,
		Endpoint:    aws.ToString(dynamodb.NewFromConfig(cfg).Options().BaseEndpoint),
	})
	if err != nil {
		return nil, err
	}
	return dynamo.New(dynamo.Config{
		Client: client, Table: table, Deliveries: deliveries, TryTimeout: p.timeouts.try, CallTimeout: p.timeouts.call,
	})
}

// openStack opens the tables and the queue of a deployed stack, which its
// outputs name.
func (p *program) openStack(ctx context.Context, name string) (openedStore, error) {
	cfg, err := awsConfig(ctx)
	if err != nil {
		return openedStore{}, err
	}
	found, err := findStack(ctx, cfg, name)
	if err != nil {
		return openedStore{}, err
	}
	for _, output := range []string{outputTable, outputDeliveries, outputQueue, outputSealingKey} {
		if found.outputs[output] == "" {
			return openedStore{}, fmt.Errorf("stack %s in %s has no output %s; it is not a Hookline stack, is from an older version, or was not fully deployed", name, cfg.Region, output)
		}
	}
	if region := found.outputs[outputRegion]; region != "" {
		cfg.Region = region
	}
	s, err := p.newTableStore(cfg, found.outputs[outputTable], found.outputs[outputDeliveries])
	if err != nil {
		return openedStore{}, err
	}
	switch err := s.Check(ctx); {
	case errors.Is(err, dynamo.ErrNoTable):
		return openedStore{}, fmt.Errorf("the tables of stack %s do not exist in %s; deploy it again", name, cfg.Region)
	case err != nil:
		return openedStore{}, err
	}
	queue, err := sqs.New(sqs.Config{
		Client: awssqs.NewFromConfig(cfg), QueueURL: found.outputs[outputQueue], SlowQueueURL: found.outputs[outputSlowQueue], Now: time.Now,
	})
	if err != nil {
		return openedStore{}, err
	}
	return openedStore{
		Store: s,
		queue: queue,
		opener: func(context.Context) (delivery.Opener, error) {
			return open.New(kms.NewUnwrapper(awskms.NewFromConfig(cfg), found.outputs[outputSealingKey], s)), nil
		},
		setting: func(variable string) string { return found.parameters[settingParameters[variable]] },
		close:   noClose,
	}, nil
}

// stack has the outputs and parameters of a deployed stack by name.
type stack struct{ outputs, parameters map[string]string }

// findStack looks up a stack in CloudFormation.
func findStack(ctx context.Context, cfg aws.Config, name string) (stack, error) {
	ctx, cancel := context.WithTimeout(ctx, stackTimeout)
	defer cancel()
	response, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	// The error of a stack that does not exist has no code of its own.
	if responseErr, ok := errors.AsType[smithy.APIError](err); ok {
		return stack{}, fmt.Errorf("stack %s in %s: %s; check the name, AWS_REGION and the AWS profile", name, cfg.Region, responseErr.ErrorMessage())
	}
	if err != nil {
		return stack{}, fmt.Errorf("stack %s in %s: %w", name, cfg.Region, err)
	}
	found := stack{outputs: map[string]string{}, parameters: map[string]string{}}
	for _, described := range response.Stacks {
		for _, output := range described.Outputs {
			found.outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
		for _, parameter := range described.Parameters {
			found.parameters[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
		}
	}
	return found, nil
}
