package keygen

import (
	"fmt"
	"time"
)

// The layout of a sequence number from the highest bit: milliseconds since the
// epoch, the caller's number, random bits. A JavaScript number holds its 53
// bits exactly.
const (
	sequenceTimeBits   = 41
	sequenceNumberBits = 8
	sequenceRandomBits = 4

	maxSequenceTime = 1<<sequenceTimeBits - 1
	// sequenceEpoch is 2025-01-01T00:00:00Z in Unix milliseconds.
	sequenceEpoch = 1_735_689_600_000
)

// Sequence returns an integer id as Shoptet's API has them: 41 bits of
// milliseconds since 2025-01-01 UTC, 8 bits of number, 4 random bits. It is
// above 0, below 2^53, and ordered by the clock's millisecond, then by number.
// It is not unique by itself: two ids with the same number and millisecond are
// equal once in 16 times. The caller must ensure that ids are unique.
//
// Sequence returns an error if the random source fails, or if the clock is not
// between 2025-01-01T00:00:00.001Z and 2094-09-07T15:47:35.551Z. (In the very
// first millisecond an id could be 0.)
func (g *Generator) Sequence(number uint8) (int64, error) {
	now := g.now()
	since := now.UnixMilli() - sequenceEpoch
	if since < 1 || since > maxSequenceTime {
		return 0, fmt.Errorf("make a sequence number: the clock says %s, outside the years it can tell (2025 to 2094)",
			now.UTC().Format(time.RFC3339Nano))
	}
	raw, err := g.random("sequence number", 1)
	if err != nil {
		return 0, err
	}
	noise := int64(raw[0] & (1<<sequenceRandomBits - 1))
	return (since<<sequenceNumberBits|int64(number))<<sequenceRandomBits | noise, nil
}

// SequenceNumber returns the number that Sequence put into an id.
func SequenceNumber(id int64) uint8 {
	return uint8(id >> sequenceRandomBits & (1<<sequenceNumberBits - 1))
}
