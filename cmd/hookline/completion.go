package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// completeWord, as the first argument, has the program complete the words after
// it, for the scripts of completionScripts. The last word is the one under the
// cursor. The result is one candidate a line, with its help after a tab.
const completeWord = "__complete"

// completeFiles, as the only candidate, has the shell complete names of files
// and directories.
const completeFiles = ":files"

// completionScripts have a shell ask the program.
func completionScripts() map[string]string {
	return map[string]string{
		"bash": `_hookline() {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
  if [[ "${COMPREPLY[*]}" == :files ]]; then
    COMPREPLY=()
    compopt -o default
  fi
}
complete -F _hookline hookline
`,
		"zsh": `#compdef hookline
_hookline() {
  local -a found
  found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -z "$found" ]]; then
    return 1
  elif [[ "$found" == :files ]]; then
    compset -P '--*='
    _files
    return
  fi
  found=("${(@)found//:/\\:}")
  found=("${(@)found/$'\t'/:}")
  _describe hookline found
}
if [[ "${funcstack[1]}" == _hookline ]]; then
  _hookline "$@"
else
  compdef _hookline hookline
fi
`,
		"fish": `function __hookline_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] __complete $words[2..-1] 2>/dev/null)
  if test "$found" = :files
    __fish_complete_path (commandline -ct)
  else
    printf '%s\n' $found
  end
end
complete -c hookline -f -a '(__hookline_complete)'
`,
	}
}

type completionCommand struct {
	Shell string `arg:"" help:"The shell: bash, zsh or fish." enum:"bash,zsh,fish"`
}

// Run writes a script that a shell reads at its start.
func (c *completionCommand) Run(p *program) error {
	_, err := io.WriteString(p.stdout, completionScripts()[c.Shell])
	return err
}

// suggester is the type of a value that has few forms.
type suggester interface{ suggestions() []string }

// complete writes the candidates for the last of words.
func (p *program) complete(k *kong.Kong, words []string) error {
	if len(words) == 0 {
		return nil
	}
	if words[0] == "help" && len(words) > 1 { // whose arguments are commands
		words = words[1:]
	}
	last := len(words) - 1
	node, flag, arguments := parsed(k.Model.Node, words[:last])
	word, prefix := words[last], ""
	if word == "=" && flag != nil { // bash cuts --flag=value
		word = ""
	}
	if name, value, cut := strings.Cut(word, "="); cut && flag == nil {
		if flag = flagOf(node, name); flag != nil {
			word, prefix = value, name+"="
		}
	}
	var out strings.Builder
	for _, candidate := range candidates(node, flag, arguments, word) {
		if candidate[0] == completeFiles {
			out.WriteString(completeFiles + "\n")
		} else if strings.HasPrefix(candidate[0], word) {
			fmt.Fprintf(&out, "%s%s\t%s\n", prefix, candidate[0], candidate[1])
		}
	}
	_, err := io.WriteString(p.stdout, out.String())
	return err
}

// parsed returns the command that words name, the flag whose value is next, if
// any, and how many arguments there are.
func parsed(node *kong.Node, words []string) (_ *kong.Node, flag *kong.Flag, arguments int) {
	for _, word := range words {
		switch {
		case flag != nil && word == "=":
		case flag != nil:
			flag = nil
		case strings.HasPrefix(word, "-"):
			if flag = flagOf(node, word); flag != nil && flag.IsBool() {
				flag = nil
			}
		default:
			if child := childOf(node, word); child != nil {
				node = child
			} else {
				arguments++
			}
		}
	}
	return node, flag, arguments
}

func childOf(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// flagOf returns the flag that a word such as --data names, nil if none.
func flagOf(node *kong.Node, word string) *kong.Flag {
	for _, level := range node.AllFlags(true) {
		for _, flag := range level {
			if word == "--"+flag.Name {
				return flag
			}
		}
	}
	return nil
}

// candidates are what may follow, each with its help.
func candidates(node *kong.Node, flag *kong.Flag, arguments int, word string) (found [][2]string) {
	switch {
	case flag != nil:
		return values(flag.Value)
	case strings.HasPrefix(word, "-"):
		for _, level := range node.AllFlags(true) {
			for _, flag := range level {
				found = append(found, [2]string{"--" + flag.Name, firstSentence(flag.Help)})
			}
		}
	case arguments < len(node.Positional):
		return values(node.Positional[arguments])
	case arguments == 0:
		for _, child := range node.Children {
			found = append(found, [2]string{child.Name, firstSentence(child.Help)})
		}
	}
	return found
}

// values are the forms of a value that has few, and completeFiles if it names a
// file or a directory, as its placeholder then says first.
func values(value *kong.Value) (found [][2]string) {
	if strings.HasPrefix(value.Tag.PlaceHolder, "FILE") || strings.HasPrefix(value.Tag.PlaceHolder, "DIR") {
		return [][2]string{{completeFiles}}
	}
	texts := value.EnumSlice()
	typ := value.Target.Type()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if s, ok := reflect.New(typ).Interface().(suggester); ok {
		texts = s.suggestions()
	}
	for _, text := range texts {
		if text != "" {
			found = append(found, [2]string{text, ""})
		}
	}
	return found
}

func firstSentence(help string) string {
	sentence, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(sentence, ".")
}
