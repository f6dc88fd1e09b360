package main

import "github.com/alecthomas/kong"

// helpCmd prints the help of a command, as --help after the command does.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"The command, such as: calls show."`
}

// Run prints the help.
func (c *helpCmd) Run(a *app) error {
	parser, err := a.parser(new(commands), func(int) {})
	if err != nil {
		return err
	}
	command, err := kong.Trace(parser, c.Command)
	if err == nil {
		err = command.Error
	}
	if err != nil {
		return usage("help", err.Error(), "see: chimewatch --help")
	}
	return command.PrintUsage(false)
}
