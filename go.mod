module github.com/chimewatch/chimewatch

go 1.26.0

toolchain go1.26.8

require (
	github.com/alecthomas/kong v1.17.0 // the command line
	github.com/aws/aws-cdk-go/awscdk/v2 v2.275.0 // the stack
	github.com/aws/aws-lambda-go v1.55.1 // the Lambda runtime
	github.com/aws/aws-sdk-go-v2 v1.47.6 // AWS: signing, retries, endpoints
	github.com/aws/aws-sdk-go-v2/config v1.33.14 // credentials and Region as every AWS tool finds them
	github.com/aws/aws-sdk-go-v2/credentials v1.20.14 // fixed credentials for the local stack
	github.com/aws/aws-sdk-go-v2/service/chimesdkmediapipelines v1.27.2 // asking about pipelines
	github.com/aws/aws-sdk-go-v2/service/chimesdkvoice v1.28.17 // starting and stopping voice tasks
	github.com/aws/aws-sdk-go-v2/service/cloudformation v1.82.4 // the stack's outputs
	github.com/aws/aws-sdk-go-v2/service/dynamodb v1.73.0 // the table
	github.com/aws/aws-sdk-go-v2/service/eventbridge v1.55.8 // sending events
	github.com/aws/aws-sdk-go-v2/service/lambda v1.100.0 // handing dead letters to their functions
	github.com/aws/aws-sdk-go-v2/service/sns v1.47.8 // the topics
	github.com/aws/aws-sdk-go-v2/service/sqs v1.52.9 // the dead-letter queues
	github.com/aws/constructs-go/constructs/v10 v10.8.1 // the CDK's construct tree
	github.com/aws/jsii-runtime-go v1.142.0 // the CDK's bridge to Go
	github.com/aws/smithy-go v1.28.8 // the error codes of AWS
	github.com/cdklabs/cdk-nag-go/cdknag/v2 v2.38.2 // checks of the stack at every synth
	github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // JSON read token by token, once, with its faults named
	github.com/google/go-cmp v0.7.0 // differences in tests
	github.com/jedib0t/go-pretty/v6 v6.7.9 // tables in the terminal
	github.com/klauspost/compress v1.20.3 // deflate with a dictionary and without state
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // validation against the schemas
	github.com/schollz/progressbar/v3 v3.18.0 // the progress of a played day
	golang.org/x/sync v0.24.0 // groups of goroutines that end together
	golang.org/x/term v0.29.0 // the width of the terminal
	pgregory.net/rapid v1.2.0 // property tests
)

require (
	github.com/BurntSushi/toml v1.4.1-0.20240526193622-a339e1f7089c // indirect
	github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream v1.7.14 // indirect
	github.com/cdklabs/cloud-assembly-schema-go/awscdkcloudassemblyschema/v55 v55.0.0 // indirect
	github.com/yuin/goldmark v1.7.16 // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/lint v0.0.0-20241112194109-818c5a804067 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/telemetry v0.0.0-20261009151841-97e8ea77aa2a // indirect
	golang.org/x/tools v0.52.0 // indirect
	golang.org/x/tools/cmd/godoc v0.1.0-deprecated // indirect
	golang.org/x/tools/godoc v0.1.0-deprecated // indirect
)

require (
	github.com/Masterminds/semver/v3 v3.5.0 // indirect
	github.com/aws/aws-sdk-go-v2/feature/ec2/imds v1.20.6 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.9 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.9 // indirect
	github.com/aws/aws-sdk-go-v2/internal/v4a v1.5.9 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/accept-encoding v1.13.24 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/endpoint-discovery v1.13.9 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/presigned-url v1.14.9 // indirect
	github.com/aws/aws-sdk-go-v2/service/signin v1.12.2 // indirect
	github.com/aws/aws-sdk-go-v2/service/sso v1.39.2 // indirect
	github.com/aws/aws-sdk-go-v2/service/ssooidc v1.44.2 // indirect
	github.com/aws/aws-sdk-go-v2/service/sts v1.51.7 // indirect
	github.com/cdklabs/awscdk-asset-awscli-go/awscliv1/v2 v2.2.292 // indirect
	github.com/cdklabs/awscdk-asset-node-proxy-agent-go/nodeproxyagentv6/v2 v2.1.3 // indirect
	github.com/fatih/color v1.19.0 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/mattn/go-runewidth v0.0.16 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.22.0 // indirect
	honnef.co/go/tools v0.8.2 // indirect
)

tool honnef.co/go/tools/cmd/staticcheck

ignore ./node_modules
