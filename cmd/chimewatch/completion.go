package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCmd prints a script for a shell.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// scripts call the command complete, so that they are always up to date.
var scripts = map[string]string{
	"bash": `# In ~/.bashrc: source <(chimewatch completion bash)
_chimewatch() {
	local IFS=$'\n'
	COMPREPLY=($("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _chimewatch chimewatch
`,
	"zsh": `# In ~/.zshrc, behind compinit: source <(chimewatch completion zsh)
_chimewatch() {
	local -a found
	found=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _chimewatch chimewatch
`,
	"fish": `# In ~/.config/fish/config.fish: chimewatch completion fish | source
function __chimewatch
	set -l words (commandline -opc)
	$words[1] complete -- $words[2..-1] (commandline -ct | string collect --allow-empty) 2>/dev/null
end
complete -c chimewatch -a '(__chimewatch)'
`,
}

// Run prints the script.
func (c *completionCmd) Run(a *app) error {
	_, err := fmt.Fprint(a.stdout, scripts[c.Shell])
	return err
}

// completeCmd prints the possible completions of the last word of a command line, one per line.
type completeCmd struct {
	Words []string `arg:"" optional:""`
}

// Run prints the completions; none if a file or an id is expected.
func (c *completeCmd) Run(a *app, command *kong.Context) error {
	for _, word := range completions(command.Model.Node, c.Words) {
		fmt.Fprintln(a.stdout, word)
	}
	return nil
}

// completions returns the completions of the last word. In bash each equals sign is a word.
func completions(node *kong.Node, words []string) []string {
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
		last = strings.TrimPrefix(last, "=")
	}
	var waiting *kong.Flag // for its value
	for _, word := range words {
		switch {
		case word == "=":
		case waiting != nil:
			waiting = nil
		case strings.HasPrefix(word, "-"):
			waiting = valueFlag(node, word)
		default:
			if i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word }); i >= 0 {
				node = node.Children[i]
			}
		}
	}
	var all []string
	switch {
	case waiting != nil:
		all = valuesOf(waiting.Value)
	case strings.HasPrefix(last, "-"):
		for _, flag := range slices.Concat(node.AllFlags(true)...) {
			all = append(all, "--"+flag.Name)
			if flag.Tag.Negatable != "" {
				all = append(all, "--no-"+flag.Name)
			}
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				all = append(all, child.Name)
			}
		}
		if len(node.Positional) > 0 {
			all = append(all, valuesOf(node.Positional[0])...)
		}
	}
	return slices.DeleteFunc(all, func(word string) bool { return !strings.HasPrefix(word, last) })
}

// valueFlag returns the flag whose value follows a word of a command line; nil if none follows.
func valueFlag(node *kong.Node, word string) *kong.Flag {
	for _, flag := range slices.Concat(node.AllFlags(false)...) {
		if word == "--"+flag.Name || flag.Short != 0 && word == "-"+string(flag.Short) {
			if flag.IsBool() {
				return nil
			}
			return flag
		}
	}
	return nil
}

// valuesOf returns the values of a flag or an argument that has a fixed set of them.
func valuesOf(value *kong.Value) []string {
	switch {
	case value.Tag.Get("complete") == "status":
		return strings.Split(statusNames, ", ")
	case value.Enum != "":
		return strings.Split(value.Enum, ",")
	}
	return nil
}
