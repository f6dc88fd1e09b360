package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/stacks/config"
)

// deployOnly are the keys of the configuration that say how AWS runs the stack, and
// change nothing of what the functions do. The local stack always has the rehearsal
// source and all sources of voice notifications.
var deployOnly = []string{
	"stackName", "production", "rehearsal", "anyRegion", "architecture", "logRetentionDays", "retain", "tableName",
	"failureEmails", "alertEmails", "alarmEmails", "alarmTopicArn", "memoryMB", "reservedConcurrency", "tracing",
	"deliveryAttempts", "deliveryAge", "retryAttempts", "retryAge", "voiceSources", "voiceConnectorIds", "voiceAccessRole",
}

// deployerConfig is what a deployer's configuration says for the local stack.
type deployerConfig struct {
	file string
	// used are the keys that are followed, unused those that matter only when deployed.
	used, unused []string
}

// readConfig reads the deployer's configuration from a cdk.json into the options of the
// local stack. What the file does not say stays as the local stack has it.
func readConfig(file string, o *local.Options) (*deployerConfig, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.NotFound, "file "+file, "cannot be read",
			"name the cdk.json of the deployment with --config")
	}
	var cdk struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(text, &cdk); err != nil {
		return nil, apperr.Wrap(err, apperr.Invalid, "file "+file, "is no JSON like a cdk.json",
			`write the choices as {"context": {"chimewatch": {…}}}`)
	}
	base := config.Default()
	base.Settings, base.RetentionDays, base.RunbookURL = local.LocalSettings(), local.RetentionDays, ""
	base.VoiceSources = []string{config.VoiceLambda, config.VoiceSQS, config.VoiceSNS, config.VoiceKinesis}
	base.VoiceTasks, base.VoiceProfileDomainARN = strings.Split(local.VoiceTasks, ","), local.VoiceDomainARN
	c, err := config.ReadOver(base, cdk.Context)
	if err != nil {
		return nil, err
	}
	o.Settings, o.FullNumbers, o.RunbookURL, o.Topics = c.Settings, c.FullNumbers, c.RunbookURL, c.Routes.Topics()
	o.Variables = map[string]string{
		"CHIMEWATCH_RETENTION_DAYS":           strconv.Itoa(c.RetentionDays),
		"CHIMEWATCH_ROUTES":                   c.Routes.WithoutKeys().String(),
		"CHIMEWATCH_VOICE_TASKS":              strings.Join(c.VoiceTasks, ","),
		"CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN": c.VoiceProfileDomainARN,
		notify.HTTPSBodyVariable:              c.HTTPS.String(),
	}
	given := &deployerConfig{file: file}
	for _, key := range config.Given(cdk.Context) {
		if slices.Contains(deployOnly, key) {
			given.unused = append(given.unused, key)
		} else {
			given.used = append(given.used, key)
		}
	}
	return given, nil
}

// String says what is followed.
func (c *deployerConfig) String() string {
	text := c.file + ": "
	if len(c.used) == 0 {
		text += "nothing that changes what the functions do"
	} else {
		text += strings.Join(c.used, ", ")
	}
	if len(c.unused) > 0 {
		text += fmt.Sprintf(" (only when deployed: %s)", strings.Join(c.unused, ", "))
	}
	return text
}
