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
	"github.com/aws/smithy-go"

	"github.com/hookline/hookline/pkg/store/dynamostore"
)

const (
	// tablePatience is how long a new table may take until it can be used.
	tablePatience = 2 * time.Minute
	// stackPatience bounds the question for a stack, its retries included.
	stackPatience = 30 * time.Second
)

// Names of the stack's outputs (template.yaml).
const (
	outputTable      = "WebhooksTable"
	outputDeliveries = "DeliveriesTable"
	outputRegion     = "Region"
)

// awsConfig reads the AWS settings where every AWS tool has them: environment,
// profile, and so on.
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
func newTableStore(cfg aws.Config, table, deliveries string) (*dynamostore.Store, error) {
	client, err := dynamostore.NewClient(dynamostore.ClientConfig{
		Region:      cfg.Region,
		Credentials: cfg.Credentials,
		Endpoint:    aws.ToString(dynamodb.NewFromConfig(cfg).Options().BaseEndpoint),
	})
	if err != nil {
		return nil, err
	}
	return dynamostore.New(dynamostore.Config{Client: client, Table: table, Deliveries: deliveries})
}

// openStack opens the tables of a deployed stack, which its outputs name.
func openStack(ctx context.Context, stack string) (openedStore, error) {
	cfg, err := awsConfig(ctx)
	if err != nil {
		return openedStore{}, err
	}
	outputs, err := stackOutputs(ctx, cfg, stack)
	if err != nil {
		return openedStore{}, err
	}
	for _, name := range []string{outputTable, outputDeliveries} {
		if outputs[name] == "" {
			return openedStore{}, fmt.Errorf("stack %s in %s has no output %s; it is not Hookline's, of an older version, or not deployed to its end", stack, cfg.Region, name)
		}
	}
	if region := outputs[outputRegion]; region != "" {
		cfg.Region = region
	}
	s, err := newTableStore(cfg, outputs[outputTable], outputs[outputDeliveries])
	if err != nil {
		return openedStore{}, err
	}
	switch err := s.Check(ctx); {
	case errors.Is(err, dynamostore.ErrNoTable):
		return openedStore{}, fmt.Errorf("stack %s names tables that are not in %s; deploy it again", stack, cfg.Region)
	case err != nil:
		return openedStore{}, err
	}
	return openedStore{Store: s, close: noClose}, nil
}

// stackOutputs asks CloudFormation for the outputs of a stack, by name.
func stackOutputs(ctx context.Context, cfg aws.Config, stack string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, stackPatience)
	defer cancel()
	answer, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	// A stack that does not exist has no error code of its own.
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		return nil, fmt.Errorf("stack %s in %s: %s; check name, AWS_REGION and AWS profile", stack, cfg.Region, refusal.ErrorMessage())
	}
	if err != nil {
		return nil, fmt.Errorf("stack %s in %s: %w", stack, cfg.Region, err)
	}
	outputs := map[string]string{}
	for _, found := range answer.Stacks {
		for _, output := range found.Outputs {
			outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
	}
	return outputs, nil
}
