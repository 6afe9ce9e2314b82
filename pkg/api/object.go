package api

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Object is a JSON object as it was sent, its members in their order.
type Object []Member

// Member is one name of an object and its value as it was spelled.
type Member struct {
	Name  string
	Value jsontext.Value
}

// ParseObject reads a body that is exactly one JSON object (RFC 8259) in
// UTF-8. Duplicate names at any depth, lone surrogates, a byte order mark and
// anything behind the object make it a *Error of kind NotJSON. The values
// alias body.
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

// AsObject reads a value that has been parsed before. ok is false when it is
// no object.
func AsObject(v jsontext.Value) (object Object, ok bool) {
	if v.Kind() != '{' {
		return nil, false
	}
	object, err := readObject(jsontext.NewDecoder(bytes.NewBuffer(v)))
	return object, err == nil
}

// AsArray reads a value that has been parsed before. ok is false when it is
// no array.
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

// AsString reads a value that has been parsed before. ok is false when it is
// no string.
func AsString(v jsontext.Value) (s string, ok bool) {
	if v.Kind() != '"' {
		return "", false
	}
	unquoted, err := jsontext.AppendUnquote(nil, v)
	return string(unquoted), err == nil
}

// What is wrong with a string field, in words that follow the field's name.
const (
	FieldRequired  = "is required"
	FieldNotString = "must be a string"
)

// Text reads a string field and validates it. wrong says what is wrong with it,
// in words that follow the field's name: FieldRequired if the object lacks it,
// FieldNotString, or what check says; it is empty if nothing is.
func (o Object) Text(field string, check func(string) (wrong string)) (text, wrong string) {
	value, sent := o.Get(field)
	if !sent {
		return "", FieldRequired
	}
	return Text(value, check)
}

// Text reads a string as [Object.Text] does.
func Text(value jsontext.Value, check func(string) (wrong string)) (text, wrong string) {
	text, ok := AsString(value)
	if !ok {
		return "", FieldNotString
	}
	return text, check(text)
}

// Get gives the value of a name. ok is false when the object lacks it.
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

// syntaxError says where a body stops being JSON, never what stands there.
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
