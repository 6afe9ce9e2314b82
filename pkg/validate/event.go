package validate

// maxEventName is the longest free-form event name
// (docs/contracts/abbeycross.md, Events).
const maxEventName = 128

// EventName checks a free-form event name: 1 to 128 characters of
// A-Z a-z 0-9 _ . : -. It gives nil, or a *Error.
func EventName(name string) error {
	if len(name) == 0 || len(name) > maxEventName {
		return &Error{Reason: BadEventName}
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9',
			c == '_', c == '.', c == ':', c == '-':
		default:
			return &Error{Reason: BadEventName}
		}
	}
	return nil
}

// Repeats gives the index of each event that stood in the batch before,
// ascending: nil when every event is there once.
func Repeats(events []string) []int {
	if len(events) < 2 {
		return nil
	}
	var repeats []int
	seen := make(map[string]struct{}, len(events))
	for i, event := range events {
		if _, ok := seen[event]; ok {
			repeats = append(repeats, i)
		}
		seen[event] = struct{}{}
	}
	return repeats
}

// Excluded gives the index of each event that an earlier one of the batch
// excludes, ascending and none twice. Each pair names two events that exclude
// each other, in either order.
func Excluded(events []string, pairs [][2]string) []int {
	if len(events) < 2 {
		return nil
	}
	var excluded []int
	seen := make([][2]bool, len(pairs))
	for i, event := range events {
		found := false
		for k, pair := range pairs {
			first, second := event == pair[0], event == pair[1]
			found = found || first && seen[k][1] || second && seen[k][0]
			seen[k][0] = seen[k][0] || first
			seen[k][1] = seen[k][1] || second
		}
		if found {
			excluded = append(excluded, i)
		}
	}
	return excluded
}
