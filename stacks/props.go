package stacks

import (
	"fmt"
	"slices"
	"strings"
	_ "time/tzdata" // names of time zones are checked here, and this machine may not have the database

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// Config is the value of every setting. README, "Configure", says what each means.
type Config = config.Stack

// DefaultConfig returns the settings of a deployer who chose nothing.
func DefaultConfig() Config { return config.Default() }

// Route says how severe the matches of some rules are, and which topic they go to instead of the alert topic.
type Route = rulematch.Route

// The sources of voice-analytics notifications, and the voice tasks.
const (
	VoiceLambda   = config.VoiceLambda
	VoiceSQS      = config.VoiceSQS
	VoiceSNS      = config.VoiceSNS
	VoiceKinesis  = config.VoiceKinesis
	SpeakerSearch = string(voicetask.SpeakerSearch)
	VoiceTone     = string(voicetask.VoiceTone)
)

// ChimewatchProps are the properties of a Chimewatch.
type ChimewatchProps struct {
	// Config has the settings, of which StackName and Production matter only to NewChimewatchStack. The topic and the
	// key of a route may be those of a construct of the same app. Default: DefaultConfig.
	Config *Config
	// Code returns the code of the functions. Default: Build("."), which runs go build.
	Code Code
	// Table is the table of an earlier Chimewatch, AlarmTopic a topic of yours for the alarms. Default: those that
	// TableName and AlarmTopicARN of Config name, or new ones.
	Table      awsdynamodb.ITable
	AlarmTopic awssns.ITopic
}

// withDefaults returns the properties with a default for Code and for Config.
func (p *ChimewatchProps) withDefaults() ChimewatchProps {
	var filled ChimewatchProps
	if p != nil {
		filled = *p
	}
	if filled.Code == nil {
		filled.Code = Build(".")
	}
	if filled.Config == nil {
		filled.Config = new(DefaultConfig())
	}
	return filled
}

// validate panics if a setting is invalid; the error says which one is, and what is allowed.
func validate(settings Config) {
	settings.Routes = slices.Clone(settings.Routes)
	for i, route := range settings.Routes {
		if *awscdk.Token_IsUnresolved(route.Topic + route.Key) { // a topic of the same app has no ARN to check
			settings.Routes[i].Topic, settings.Routes[i].Key = "", ""
		}
	}
	if err := settings.Validate(); err != nil {
		panic(err)
	}
}

// addRegionRules adds rules to the template by which CloudFormation refuses a Region where the stack would be of no
// use. cmd/cdk checks the same earlier if it knows the Region; a template may also be deployed without it.
func (c *Chimewatch) addRegionRules() {
	add := func(id, why string, regions ...string) {
		awscdk.NewCfnRule(c.Construct, jsii.String(id), &awscdk.CfnRuleProps{Assertions: &[]*awscdk.CfnRuleAssertion{{
			Assert:            awscdk.Fn_ConditionContains(jsii.Strings(regions...), awscdk.Stack_Of(c.Construct).Region()),
			AssertDescription: &why,
		}}})
	}
	if regions := c.config.Regions(); !c.config.AnyRegion {
		add("SupportedRegion",
			"chimewatch has something to watch in these Regions only: "+strings.Join(regions, ", "), regions...)
	}
	sameRegion := func(id, what, arn string) {
		if region := config.RegionOf(arn); region != "" && !*awscdk.Token_IsUnresolved(arn) {
			add(id, what+" must be in the Region of the stack: "+arn, region)
		}
	}
	for i, route := range c.config.Routes {
		sameRegion(fmt.Sprintf("RouteRegion%d", i), "The topic of a route", route.Topic)
	}
	if c.ownAlarmTopic == nil {
		sameRegion("AlarmTopicRegion", "alarmTopicArn", *c.AlarmTopic.TopicArn())
	}
}
