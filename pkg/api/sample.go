package api

import "strings"

// Sample finds an event in a list of samples, one per line: names, instance,
// payload, with a space between. Names are one event's, or the beginning of
// several and a "*"; the first line that fits counts. The payload is JSON
// without white space between tokens. "-" stands for no instance or payload. An
// event that no line names has none of either.
func Sample(list, event string) (payload []byte, instance string) {
	for line := range strings.Lines(list) {
		names, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		begin, several := strings.CutSuffix(names, "*")
		if names != event && (!several || !strings.HasPrefix(event, begin)) {
			continue
		}
		instance, text, _ := strings.Cut(rest, " ")
		if instance == "-" {
			instance = ""
		}
		if text != "-" {
			payload = []byte(text)
		}
		return payload, instance
	}
	return nil, ""
}
