package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	_ "time/tzdata" // this machine may not have it

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/local"
)

// deployerConfig is what a deployer's configuration says for the local stack.
type deployerConfig struct {
	file string
	// used are the keys of settings that the functions read, unused those that matter only
	// when deployed: the local stack always has the rehearsal source and all sources of
	// voice notifications.
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
	c, err := local.DefaultConfig().WithContext(cdk.Context)
	if err != nil {
		return nil, err
	}
	o.Config = &c
	given := &deployerConfig{file: file}
	for _, setting := range config.Given(cdk.Context) {
		if setting.Variable == "" {
			given.unused = append(given.unused, setting.Key)
		} else {
			given.used = append(given.used, setting.Key)
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
