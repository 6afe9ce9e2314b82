package webhook

// Version is the version of this program. Receivers see it in User-Agent, after
// "Hookline/".
const Version = "0.1.0"
