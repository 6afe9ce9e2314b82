package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hookline/hookline/pkg/receiver"
)

// maxKeyFile is the maximum size of a file with keys.
const maxKeyFile = 64 << 10

// keys reads the signing keys. A file may have several, one per line. No error
// quotes a key.
func (c *listenCommand) keys() ([]receiver.Key, error) {
	var keys []receiver.Key
	for i, text := range c.Key {
		origin := "--key"
		if len(c.Key) > 1 {
			origin = fmt.Sprintf("--key number %d", i+1)
		}
		if path, isFile := strings.CutPrefix(text, "@"); isFile {
			var err error
			if text, err = readKeys(path); err != nil {
				return nil, err
			}
			origin = "--key @" + path
		}
		words := strings.Fields(text)
		if len(words) == 0 {
			return nil, usageErrorf("%s: it contains no key", origin)
		}
		for _, word := range words {
			key, err := receiver.ParseKey(word)
			if err != nil {
				return nil, usageErrorf("%s: %w", origin, err)
			}
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// readKeys reads a file with keys.
func readKeys(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the signing key: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the signing key: %w", err)
	case len(text) > maxKeyFile:
		return "", fmt.Errorf("read the signing key: %s is larger than 64 KiB, so it is not a file of keys", path)
	}
	return string(text), nil
}
