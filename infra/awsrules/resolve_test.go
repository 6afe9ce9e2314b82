package awsrules

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// none is what AWS::NoValue leaves.
type none struct{}

// resolve decides intrinsic functions as far as parameters do. What refers to a
// resource stays: a Ref, a Fn::GetAtt, a Fn::Sub with only such variables left.
func (d *deployment) resolve(value any) any {
	switch v := value.(type) {
	case []any:
		list := []any{}
		for _, item := range v {
			if r := d.resolve(item); !isNone(r) {
				list = append(list, r)
			}
		}
		return list
	case object:
		if name, argument, ok := intrinsic(v); ok {
			return d.call(v, name, argument)
		}
		m := object{}
		for name, member := range v {
			if r := d.resolve(member); !isNone(r) {
				m[name] = r
			}
		}
		return m
	}
	return value
}

func isNone(value any) bool {
	_, ok := value.(none)
	return ok
}

// intrinsic takes an intrinsic function apart.
func intrinsic(v object) (name string, argument any, ok bool) {
	if len(v) != 1 {
		return "", nil, false
	}
	for name, argument = range v {
	}
	return name, argument, name == "Ref" || strings.HasPrefix(name, "Fn::")
}

func (d *deployment) call(whole object, name string, argument any) any {
	list, _ := argument.([]any)
	switch {
	case name == "Ref" && argument == "AWS::NoValue":
		return none{}
	case name == "Ref":
		if value, ok := d.parameters[text(argument)]; ok {
			return value
		}
		return whole
	case name == "Fn::GetAtt":
		return whole
	case name == "Fn::If" && len(list) == 3:
		if d.holds(object{"Condition": list[0]}) {
			return d.resolve(list[1])
		}
		return d.resolve(list[2])
	case name == "Fn::Sub":
		return d.substitute(argument)
	}
	return d.compute(name, list)
}

// compute decides functions of lists of texts, where these are known.
func (d *deployment) compute(name string, list []any) any {
	arguments, _ := d.resolve(list).([]any)
	stored := object{name: arguments}
	if len(arguments) != 2 {
		return stored
	}
	items, isList := arguments[1].([]any)
	switch name {
	case "Fn::Split":
		if whole, ok := arguments[1].(string); ok {
			parts := []any{}
			for part := range strings.SplitSeq(whole, text(arguments[0])) {
				parts = append(parts, part)
			}
			return parts
		}
	case "Fn::Select":
		if i, ok := number(arguments[0]); ok && isList && int(i) < len(items) {
			return items[int(i)]
		}
	case "Fn::Join":
		if parts := texts(arguments[1]); isList && len(parts) == len(items) {
			return strings.Join(parts, text(arguments[0]))
		}
	}
	return stored
}

var variable = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

func (d *deployment) substitute(argument any) any {
	pattern, own := text(argument), object{}
	if list, ok := argument.([]any); ok && len(list) == 2 {
		pattern, own = text(list[0]), members(d.resolve(list[1]))
	}
	left := object{}
	done := variable.ReplaceAllStringFunc(pattern, func(found string) string {
		name := found[2 : len(found)-1]
		value, ok := own[name].(string)
		if !ok {
			value, ok = d.parameters[name]
		}
		if ok {
			return value
		}
		left[name] = own[name]
		return found
	})
	switch {
	case len(left) == 0:
		return done
	case len(own) == 0:
		return object{"Fn::Sub": done}
	}
	return object{"Fn::Sub": []any{done, left}}
}

// holds decides a condition.
func (d *deployment) holds(condition any) bool {
	for name, argument := range members(condition) {
		list, _ := argument.([]any)
		switch name {
		case "Condition":
			return d.holds(members(d.template["Conditions"])[text(argument)])
		case "Fn::Equals":
			return len(list) == 2 && text(d.resolve(list[0])) == text(d.resolve(list[1]))
		case "Fn::Not":
			return len(list) == 1 && !d.holds(list[0])
		case "Fn::And":
			return !slices.ContainsFunc(list, func(c any) bool { return !d.holds(c) })
		case "Fn::Or":
			return slices.ContainsFunc(list, d.holds)
		}
	}
	return false
}

// members gives an object's members, and those of anything else as none.
func members(value any) object {
	m, _ := value.(object)
	return m
}

// text gives a scalar as CloudFormation writes it, and anything else as "".
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// texts gives a text, or the texts of a list.
func texts(value any) []string {
	if one, ok := value.(string); ok {
		return []string{one}
	}
	list, _ := value.([]any)
	var all []string
	for _, item := range list {
		if one, ok := item.(string); ok {
			all = append(all, one)
		}
	}
	return all
}

// items gives a list's items, or the one that stands for a list.
func items(value any) []any {
	if list, ok := value.([]any); ok || value == nil {
		return list
	}
	return []any{value}
}

// number reads a number, which a parameter gives as a text.
func number(value any) (float64, bool) {
	n, err := strconv.ParseFloat(text(value), 64)
	return n, err == nil
}

// between says whether a value is a whole number of a range.
func between(value any, least, most float64) bool {
	n, ok := number(value)
	return ok && n == float64(int64(n)) && least <= n && n <= most
}

// at finds a member by its path.
func at(value any, path ...string) any {
	for _, name := range path {
		value = members(value)[name]
	}
	return value
}

// references gives the names of all resources and parameters that a value
// refers to, with the attributes, if any, as "Name.Attribute".
func references(value any) []string {
	found := map[string]bool{}
	refer(value, found)
	return slices.Sorted(maps.Keys(found))
}

func refer(value any, found map[string]bool) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			refer(item, found)
		}
	case object:
		name, argument, ok := intrinsic(v)
		switch {
		case ok && name == "Ref":
			found[text(argument)] = true
			return
		case ok && name == "Fn::GetAtt":
			found[strings.Join(texts(argument), ".")] = true
			return
		case ok && name == "Fn::Sub":
			pattern := text(argument)
			own := object{}
			if list := items(argument); len(list) == 2 {
				pattern, own = text(list[0]), members(list[1])
			}
			for _, match := range variable.FindAllStringSubmatch(pattern, -1) {
				if inner, mapped := own[match[1]]; mapped && inner != nil {
					refer(inner, found)
				} else {
					found[match[1]] = true
				}
			}
			return
		}
		for _, member := range v {
			refer(member, found)
		}
	}
}

// resourceOf gives the name of the resource that a value refers to, "" if it
// does not refer to exactly one.
func resourceOf(value any) string {
	if all := references(value); len(all) == 1 {
		name, _, _ := strings.Cut(all[0], ".")
		return name
	}
	return ""
}

// needs gives the resources that must be there before one, directly.
func (d *deployment) needs(name string) []string {
	r := d.resources[name]
	all := slices.Clone(r.dependsOn)
	for _, reference := range references(r.properties) {
		needed, _, _ := strings.Cut(reference, ".")
		all = append(all, needed)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// waitsFor says whether a resource is made only after another.
func (d *deployment) waitsFor(name, other string) bool {
	seen := map[string]bool{}
	var walk func(string) bool
	walk = func(name string) bool {
		for _, needed := range d.needs(name) {
			if needed == other {
				return true
			}
			if !seen[needed] {
				seen[needed] = true
				if walk(needed) {
					return true
				}
			}
		}
		return false
	}
	return walk(name)
}
