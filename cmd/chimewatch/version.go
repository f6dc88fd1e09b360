package main

import (
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
	if info, ok := debug.ReadBuildInfo(); ok {
		b.read(info)
	}
	return b
}

func (b *build) read(info *debug.BuildInfo) {
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		case "vcs.time":
			b.Time = setting.Value
		}
	}
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
