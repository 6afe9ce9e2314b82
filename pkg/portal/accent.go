package portal

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"github.com/hookline/hookline/pkg/webhook"
)

// defaultAccent is the accent colour that is not set.
const defaultAccent = "#3b5bdb"

// accent is the operator's colour. Links and buttons have it, in a shade that
// can be read on the light and on the dark ground.
type accent struct{ r, g, b float64 } // 0 to 1

// The grounds that links stand on.
var (
	lightGround = accent{0xf3 / 255.0, 0xf3 / 255.0, 0xf0 / 255.0}
	darkGround  = accent{0x22 / 255.0, 0x22 / 255.0, 0x26 / 255.0}
)

// readable is the contrast that text needs (WCAG 2.2, 1.4.3).
const readable = 4.5

// parseAccent reads a colour of the form #rrggbb.
func parseAccent(text string) (accent, error) {
	digits, found := strings.CutPrefix(text, "#")
	rgb, err := hex.DecodeString(digits)
	if !found || err != nil || len(rgb) != 3 {
		return accent{}, webhook.Invalid("must be a colour such as %s", defaultAccent)
	}
	return accent{float64(rgb[0]) / 255, float64(rgb[1]) / 255, float64(rgb[2]) / 255}, nil
}

func (c accent) hex() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c.r*255)), int(math.Round(c.g*255)), int(math.Round(c.b*255)))
}

// luminance is the relative luminance of WCAG 2.2.
func (c accent) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= .04045 {
			return v / 12.92
		}
		return math.Pow((v+.055)/1.055, 2.4)
	}
	return .2126*linear(c.r) + .7152*linear(c.g) + .0722*linear(c.b)
}

func contrast(a, b accent) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// towards mixes c with other until it can be read on ground.
func (c accent) towards(other, ground accent) accent {
	const steps = 50
	for i := range steps + 1 {
		part := float64(i) / steps
		mixed := accent{c.r + (other.r-c.r)*part, c.g + (other.g-c.g)*part, c.b + (other.b-c.b)*part}
		if contrast(mixed, ground) >= readable {
			return mixed
		}
	}
	return other
}

// stylesheet returns the variables that the other stylesheet uses.
func (c accent) stylesheet() []byte {
	black, white := accent{}, accent{1, 1, 1}
	light, dark := c.towards(black, lightGround), c.towards(white, darkGround)
	return fmt.Appendf(nil, ":root{--accent:%s;--on-accent:#fff}\n@media(prefers-color-scheme:dark){:root{--accent:%s;--on-accent:#111}}\n", light.hex(), dark.hex())
}
