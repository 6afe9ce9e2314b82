package local

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A list is in the order of pushing, whatever leaves it from where.
func TestList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l list[int]
		var want []int
		nodes := make([]node[int], 6)
		for i := range nodes {
			nodes[i].owner = i
		}
		for _, i := range rapid.SliceOf(rapid.IntRange(0, len(nodes)-1)).Draw(t, "moves") {
			if at := slices.Index(want, i); at >= 0 {
				nodes[i].leave()
				want = slices.Delete(want, at, at+1)
			} else {
				nodes[i].leave() // does nothing
				l.push(&nodes[i])
				want = append(want, i)
			}
			var forward, backward []int
			for n := l.first; n != nil; n = n.next {
				forward = append(forward, n.owner)
			}
			for n := l.last; n != nil; n = n.prev {
				backward = append(backward, n.owner)
			}
			slices.Reverse(backward)
			if !slices.Equal(forward, want) || !slices.Equal(backward, want) {
				t.Fatalf("list is %v, backward %v; want %v", forward, backward, want)
			}
		}
	})
}
