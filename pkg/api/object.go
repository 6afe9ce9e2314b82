package api

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Object is a JSON object as it was sent, with its members in order.
type Object []Member

// Member is a name of an object and its value as it was written.
type Member struct {
	Name  string
	Value jsontext.Value
}

// ParseObject parses a body that is exactly one JSON object (RFC 8259) in
// UTF-8. It returns an [*Error] of kind [NotJSON] for anything else, including
// duplicate names at any depth, lone surrogates, a byte order mark, or data
// after the object.
func ParseObject(body []byte) (Object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return nil, syntaxError(err)
		}
		return nil, notJSON("must be a JSON object")
	}
	object, err := readObject(dec)
	if err != nil {
		return nil, syntaxError(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, notJSON("must be one JSON object and nothing after it")
	}
	return object, nil
}

// AsObject parses a value that [ParseObject] returned. ok is false if it is not
// an object.
func AsObject(v jsontext.Value) (object Object, ok bool) {
	if v.Kind() != '{' {
		return nil, false
	}
	object, err := readObject(jsontext.NewDecoder(bytes.NewBuffer(v)))
	return object, err == nil
}

// AsArray parses a value that [ParseObject] returned. ok is false if it is not
// an array.
func AsArray(v jsontext.Value) (items []jsontext.Value, ok bool) {
	if v.Kind() != '[' {
		return nil, false
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(v))
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	for dec.PeekKind() != ']' {
		item, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		items = append(items, item.Clone())
	}
	return items, true
}

// AsString parses a value that [ParseObject] returned. ok is false if it is not
// a string.
func AsString(v jsontext.Value) (s string, ok bool) {
	if v.Kind() != '"' {
		return "", false
	}
	unquoted, err := jsontext.AppendUnquote(nil, v)
	return string(unquoted), err == nil
}

// What is wrong with a string field. The texts follow the field's name.
const (
	FieldRequired  = "is required"
	FieldNotString = "must be a string"
)

// Text returns a string field that check accepts. wrong says what is wrong with
// the field and follows its name: [FieldRequired] if the object lacks it,
// [FieldNotString], or the text that check returns. It is empty if the field is
// valid.
func (o Object) Text(field string, check func(string) (wrong string)) (text, wrong string) {
	value, sent := o.Get(field)
	if !sent {
		return "", FieldRequired
	}
	return Text(value, check)
}

// Text checks a string as [Object.Text] does.
func Text(value jsontext.Value, check func(string) (wrong string)) (text, wrong string) {
	text, ok := AsString(value)
	if !ok {
		return "", FieldNotString
	}
	return text, check(text)
}

// Get returns the value of a name. ok is false if the object lacks it.
func (o Object) Get(name string) (value jsontext.Value, ok bool) {
	for _, m := range o {
		if m.Name == name {
			return m.Value, true
		}
	}
	return nil, false
}

func readObject(dec *jsontext.Decoder) (Object, error) {
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	object := make(Object, 0, 4)
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		member := Member{Name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		member.Value = value.Clone()
		object = append(object, member)
	}
	_, err := dec.ReadToken()
	return object, err
}

// syntaxError says where a body stops being JSON, but shows nothing of it.
func syntaxError(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return notJSON("must not have a name twice")
	case errors.Is(err, io.EOF):
		return notJSON("must not be empty")
	case errors.As(err, &syntax):
		return notJSON("must be valid JSON in UTF-8; it stops being so at byte %d", syntax.ByteOffset)
	}
	return notJSON("must be valid JSON in UTF-8")
}
