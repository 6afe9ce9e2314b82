package webhook

// Version is that of this program: receivers see it in User-Agent, after
// "Hookline/".
const Version = "0.1.0"
