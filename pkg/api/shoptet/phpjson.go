package shoptet

import (
	"bytes"
	"errors"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

var errPayload = errors.New("the payload is not JSON")

const hexDigits = "0123456789abcdef"

// appendString appends a string as PHP's json_encode writes it without flags:
// "/" as "\/", non-ASCII characters as \uXXXX in lower case with surrogate
// pairs, and HTML characters unescaped
// (https://www.php.net/manual/en/json.constants.php). The official validator
// re-encodes what it decoded before it verifies the signature. Invalid UTF-8
// becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b = appendASCII(b, byte(r)) //nolint:gosec // it has 7 bits
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = appendEscape(appendEscape(b, high), low)
		default:
			b = appendEscape(b, r)
		}
	}
	return append(b, '"')
}

func appendASCII(b []byte, c byte) []byte {
	switch c {
	case '"', '\\', '/':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	if c < ' ' {
		return appendEscape(b, rune(c))
	}
	return append(b, c)
}

// appendEscape appends \uXXXX for a UTF-16 code unit.
func appendEscape(b []byte, unit rune) []byte {
	return append(b, '\\', 'u', hexDigits[unit>>12&0xf], hexDigits[unit>>8&0xf], hexDigits[unit>>4&0xf], hexDigits[unit&0xf])
}

// appendValue appends a JSON value. Strings and names are written as
// appendString writes them, white space between tokens is dropped, and all else
// is kept as written: the publisher may mean 1.0 and not 1. It returns an error
// if value is not JSON; the error shows nothing of it.
func appendValue(b, value []byte) ([]byte, error) {
	if !jsontext.Value(value).IsValid() {
		return nil, errPayload
	}
	for i := 0; i < len(value); {
		switch c := value[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
		case '"':
			end := stringEnd(value, i)
			text, err := jsontext.AppendUnquote(nil, value[i:end])
			if err != nil {
				return nil, errPayload
			}
			b = appendString(b, string(text))
			i = end
		default:
			b = append(b, c)
			i++
		}
	}
	return b, nil
}

// stringEnd returns the index after the string that begins at i.
func stringEnd(value []byte, i int) int {
	for i++; i < len(value); i++ {
		next := bytes.IndexAny(value[i:], `"\`)
		if next < 0 {
			break
		}
		if i += next; value[i] == '"' {
			return i + 1
		}
		i++ // the escaped character
	}
	return len(value)
}
