package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	_ "time/tzdata" // this machine may not have it

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/local"
)

// readConfig reads the deployer's configuration in a cdk.json into the options of the local stack. Keys that
// the file does not have keep the values of the local stack. It returns a line that lists the keys; the
// local stack always accepts rehearsals and voice notifications from all sources.
func readConfig(file string, o *local.Options) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", apperr.Wrap(err, apperr.NotFound, "file "+file, "cannot be read",
			"name the cdk.json of the deployment with --config")
	}
	var cdk struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(text, &cdk); err != nil {
		return "", apperr.Wrap(err, apperr.Invalid, "file "+file, "is no JSON like a cdk.json",
			`write the choices as {"context": {"chimewatch": {…}}}`)
	}
	c, err := local.DefaultConfig().WithContext(cdk.Context)
	if err != nil {
		return "", err
	}
	o.Config = &c
	var used, unused []string
	for _, setting := range config.Given(cdk.Context) {
		if setting.Variable == "" { // the functions do not read it
			unused = append(unused, setting.Key)
		} else {
			used = append(used, setting.Key)
		}
	}
	line := file + ": " + cmp.Or(joined(used), "nothing that changes what the functions do")
	if len(unused) > 0 {
		line += fmt.Sprintf(" (only when deployed: %s)", joined(unused))
	}
	return line, nil
}
