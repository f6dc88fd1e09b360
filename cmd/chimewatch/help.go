package main

import "github.com/alecthomas/kong"

// helpCmd prints the help of a command, as --help after the command does.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"The command, such as: calls show."`
}

// Run prints the help.
func (c *helpCmd) Run(help *kong.Context) error {
	command, err := kong.Trace(help.Kong, c.Command)
	if err == nil {
		err = command.Error
	}
	if err != nil {
		return usage("help", err.Error(), "see: chimewatch --help")
	}
	return command.PrintUsage(false)
}
