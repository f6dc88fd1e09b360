package stacks

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	_ "time/tzdata" // names of time zones are checked here, and this machine may not have the database

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// Route says how severe the matches of some rules are, and which topic they go to instead of the alert topic.
type Route = rulematch.Route

// Settings say when failures and rule matches are notified; DefaultSettings returns the defaults, to be changed.
type Settings = config.Settings

// DefaultSettings returns the settings of a Chimewatch whose properties have none.
func DefaultSettings() Settings { return config.Default().Settings }

// The sources of voice-analytics notifications, and the voice tasks.
const (
	VoiceLambda   = config.VoiceLambda
	VoiceSQS      = config.VoiceSQS
	VoiceSNS      = config.VoiceSNS
	VoiceKinesis  = config.VoiceKinesis
	SpeakerSearch = string(voicetask.SpeakerSearch)
	VoiceTone     = string(voicetask.VoiceTone)
)

// ChimewatchProps are the properties of a Chimewatch. A property that is not set has the default of the key of the
// same meaning in README, "Configure", which also says more about each.
type ChimewatchProps struct {
	// Code returns the code of the functions. Default: Build("."), which runs go build.
	Code Code
	// Architecture, MemorySize (in MiB), ReservedConcurrentExecutions, Tracing (by X-Ray) and LogRetention are
	// those of each function. By default nothing is reserved.
	Architecture                             awslambda.Architecture
	MemorySize, ReservedConcurrentExecutions *float64
	Tracing                                  *bool
	LogRetention                             awslogs.RetentionDays
	// RetentionDays is how long calls are kept; 0 means for ever. Retain keeps what holds data when the stack is
	// deleted.
	RetentionDays *float64
	Retain        *bool
	// Table is the table of an earlier Chimewatch. Default: a new one.
	Table awsdynamodb.ITable
	// AlarmTopic receives the alarms. Default: a new topic.
	AlarmTopic awssns.ITopic
	// FailureEmails, AlertEmails and AlarmEmails are subscribed to the topics; AlarmEmails to a new one only.
	FailureEmails, AlertEmails, AlarmEmails []string
	Routes                                  []Route
	// FullNumbers shows phone numbers whole in notifications. RunbookURL is what notifications and alarms link to;
	// empty for no link. HTTPSBody is what https subscribers receive: card or data, or failures=data,alerts=card.
	FullNumbers           *bool
	RunbookURL, HTTPSBody *string
	// DeliveryAttempts and DeliveryAge limit how often, and until which age, EventBridge tries to invoke a function
	// with an event; RetryAttempts and RetryAge how Lambda retries a failed invocation.
	DeliveryAttempts, RetryAttempts *float64
	DeliveryAge, RetryAge           awscdk.Duration
	Settings                        *Settings
	// Rehearsal accepts rehearsed events besides those of Amazon Chime. AnyRegion permits Regions that are not
	// known to have call analytics.
	Rehearsal, AnyRegion *bool
	// VoiceSources are the ways in which voice-analytics notifications arrive (VoiceLambda and so on), VoiceTasks
	// the tasks that are started with consent (SpeakerSearch, VoiceTone). Default: none.
	VoiceSources, VoiceTasks []string
	// VoiceProfileDomainArn is needed for SpeakerSearch. VoiceConnectorIds are the Voice Connectors on which tasks
	// may run; default: all. VoiceAccessRole makes the resource access role of a media insights configuration.
	VoiceProfileDomainArn *string
	VoiceConnectorIds     []string
	VoiceAccessRole       *bool
}

// FromConfig returns the properties that a configuration of the CDK context stands for. Those of the default
// configuration are the defaults of all properties.
func FromConfig(c config.Stack) *ChimewatchStackProps {
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	seconds := func(a config.Attempts) awscdk.Duration {
		return awscdk.Duration_Seconds(jsii.Number(a.Age.Seconds()))
	}
	p := &ChimewatchStackProps{TableName: text(c.TableName), AlarmTopicArn: text(c.AlarmTopicARN)}
	p.StackProps = awscdk.StackProps{
		Description: jsii.String("Watches Amazon Chime SDK call analytics"), TerminationProtection: &c.Production,
	}
	p.ChimewatchProps = ChimewatchProps{
		Architecture: awslambda.Architecture_ARM_64(), MemorySize: jsii.Number(c.MemoryMB), Tracing: &c.Tracing,
		LogRetention: logRetentions[c.LogRetentionDays], RetentionDays: jsii.Number(c.RetentionDays), Retain: &c.Retain,
		FailureEmails: c.FailureEmails, AlertEmails: c.AlertEmails, AlarmEmails: c.AlarmEmails, Routes: c.Routes,
		FullNumbers: &c.FullNumbers, RunbookURL: &c.RunbookURL, HTTPSBody: jsii.String(c.HTTPS.String()),
		DeliveryAttempts: jsii.Number(c.Delivery.Max), DeliveryAge: seconds(c.Delivery),
		RetryAttempts: jsii.Number(c.Retry.Max), RetryAge: seconds(c.Retry),
		Settings: &c.Settings, Rehearsal: &c.Rehearsal, AnyRegion: &c.AnyRegion,
		VoiceSources: c.VoiceSources, VoiceTasks: c.VoiceTasks, VoiceProfileDomainArn: &c.VoiceProfileDomainARN,
		VoiceConnectorIds: c.VoiceConnectorIDs, VoiceAccessRole: &c.VoiceAccessRole,
	}
	if c.Architecture == "x86_64" {
		p.Architecture = awslambda.Architecture_X86_64()
	}
	if c.ReservedConcurrency > 0 {
		p.ReservedConcurrentExecutions = jsii.Number(c.ReservedConcurrency)
	}
	return p
}

// logRetentions are the retentions of CloudWatch Logs by their days.
var logRetentions = map[int]awslogs.RetentionDays{
	1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
	7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
	60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS,
	120: awslogs.RetentionDays_FOUR_MONTHS, 150: awslogs.RetentionDays_FIVE_MONTHS,
	180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
	400: awslogs.RetentionDays_THIRTEEN_MONTHS, 545: awslogs.RetentionDays_EIGHTEEN_MONTHS,
	731: awslogs.RetentionDays_TWO_YEARS, 1096: awslogs.RetentionDays_THREE_YEARS,
	1827: awslogs.RetentionDays_FIVE_YEARS, 2192: awslogs.RetentionDays_SIX_YEARS,
	2557: awslogs.RetentionDays_SEVEN_YEARS, 2922: awslogs.RetentionDays_EIGHT_YEARS,
	3288: awslogs.RetentionDays_NINE_YEARS, 3653: awslogs.RetentionDays_TEN_YEARS,
}

// withDefaults returns the properties with a default for each that is not set.
func (p *ChimewatchProps) withDefaults() ChimewatchProps {
	if p == nil {
		p = &ChimewatchProps{}
	}
	filled := *p
	to, from := reflect.ValueOf(&filled).Elem(), reflect.ValueOf(FromConfig(config.Default()).ChimewatchProps)
	for i := range to.NumField() {
		if to.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	if filled.Code == nil {
		filled.Code = Build(".")
	}
	return filled
}

// config returns the configuration that the properties stand for. It panics if the configuration is invalid; the error
// says which value is, and what is allowed.
func (p *ChimewatchProps) config() config.Stack {
	c := config.Default()
	c.RetentionDays, c.MemoryMB = int(*p.RetentionDays), int(*p.MemorySize)
	c.FullNumbers, c.RunbookURL, c.Settings = *p.FullNumbers, *p.RunbookURL, *p.Settings
	c.Delivery.Max, c.Retry.Max = int(*p.DeliveryAttempts), int(*p.RetryAttempts)
	c.VoiceSources, c.VoiceTasks, c.VoiceConnectorIDs = p.VoiceSources, p.VoiceTasks, p.VoiceConnectorIds
	c.VoiceProfileDomainARN, c.VoiceAccessRole = *p.VoiceProfileDomainArn, *p.VoiceAccessRole
	c.Routes = slices.Clone(p.Routes)
	for i, route := range c.Routes {
		if *awscdk.Token_IsUnresolved(route.Topic + route.Key) { // a topic of the same app has no ARN to check
			c.Routes[i].Topic, c.Routes[i].Key = "", ""
		}
	}
	https, err := notify.ParseHTTPSBodies("property HTTPSBody", *p.HTTPSBody)
	if err := errors.Join(err, c.Validate()); err != nil {
		panic(err)
	}
	c.HTTPS, c.Routes = https, p.Routes
	return c
}

// newRegionRules adds rules to the template by which CloudFormation refuses a Region where the stack would be of no
// use. cmd/cdk checks the same earlier if it knows the Region; a template may also be deployed without it.
func newRegionRules(scope constructs.Construct, p ChimewatchProps) {
	add := func(id, why string, regions ...string) {
		awscdk.NewCfnRule(scope, jsii.String(id), &awscdk.CfnRuleProps{Assertions: &[]*awscdk.CfnRuleAssertion{{
			Assert:            awscdk.Fn_ConditionContains(jsii.Strings(regions...), awscdk.Stack_Of(scope).Region()),
			AssertDescription: &why,
		}}})
	}
	if !*p.AnyRegion {
		regions := config.Stack{VoiceSources: p.VoiceSources}.Regions()
		add("SupportedRegion",
			"chimewatch has something to watch in these Regions only: "+strings.Join(regions, ", "), regions...)
	}
	sameRegion := func(id, what string, arn *string) {
		if region := config.RegionOf(*arn); region != "" && !*awscdk.Token_IsUnresolved(arn) {
			add(id, what+" must be in the Region of the stack: "+*arn, region)
		}
	}
	for i, route := range p.Routes {
		sameRegion(fmt.Sprintf("RouteRegion%d", i), "The topic of a route", &route.Topic)
	}
	if p.AlarmTopic != nil {
		sameRegion("AlarmTopicRegion", "alarmTopicArn", p.AlarmTopic.TopicArn())
	}
}
