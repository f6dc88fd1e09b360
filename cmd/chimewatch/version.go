package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCmd struct{}

// build is the JSON form of a version.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	// Modified reports whether the sources had changes that are in no commit.
	Modified bool   `json:"modified,omitempty"`
	Time     string `json:"time,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Run prints the version that the Go toolchain wrote into the binary.
func (versionCmd) Run(a *app) error {
	b := thisBuild()
	if a.asJSON() {
		return a.printJSON(b)
	}
	_, err := fmt.Fprintln(a.stdout, b)
	return err
}

func thisBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	vcs := map[string]string{}
	for _, setting := range info.Settings {
		vcs[setting.Key] = setting.Value
	}
	b.Version = cmp.Or(info.Main.Version, b.Version)
	b.Revision, b.Modified, b.Time = vcs["vcs.revision"], vcs["vcs.modified"] == "true", vcs["vcs.time"]
	return b
}

func (b build) String() string {
	text := "chimewatch " + b.Version
	if b.Revision != "" {
		text += ", revision " + b.Revision
	}
	if b.Modified {
		text += " with changes"
	}
	return text + ", " + b.Go + ", " + b.Platform
}
