package explosion

import (
	"net/netip"
	"strings"
	"time"
)

// form is an index of forms.
type form uint8

const (
	other form = iota
	uuid
	number
	sequence
	timestamp
	url
	path
	ip
	email
	hash
	pod
	token
	version
)

var forms = [...]Form{Other, UUID, Number, Sequence, Timestamp, URL, Path, IP, Email, Hash, Pod, Token, Version}

// formOf returns what one value looks like: the first of the tests that holds,
// from the strictest to the loosest. Each test reads the value once or twice.
func formOf(v string) form {
	switch {
	case isURL(v):
		return url
	case v[0] == '/':
		return path
	case len(v) > maxLength:
		return other
	case isUUID(v):
		return uuid
	case isTimestamp(v):
		return timestamp
	case isNumber(v):
		return number
	case isIP(v):
		return ip
	case isEmail(v):
		return email
	case isVersion(v):
		return version
	case isHash(v):
		return hash
	case isPod(v):
		return pod
	case isToken(v):
		return token
	}
	return other
}

// A class is what a byte may be part of.
type class uint8

const (
	digit class = 1 << iota
	lower
	upper
	hexLetter
	generated // Kubernetes' names: k8s.io/apimachinery/pkg/util/rand, no vowels, no 0, 1, 3
	revision  // of a ReplicaSet: decimal digits put through the same alphabet

	letter   = lower | upper
	alnum    = digit | letter
	hexDigit = digit | hexLetter
)

var classes = func() (t [256]class) {
	set := func(bytes string, c class) {
		for i := range len(bytes) {
			t[bytes[i]] |= c
		}
	}
	set("0123456789", digit)
	set("abcdefghijklmnopqrstuvwxyz", lower)
	set("ABCDEFGHIJKLMNOPQRSTUVWXYZ", upper)
	set("abcdefABCDEF", hexLetter)
	set("bcdfghjklmnpqrstvwxz2456789", generated)
	set("456789bcdf", revision)
	return t
}()

// all reports whether v is not empty and all its bytes are of c.
func all(v string, c class) bool {
	for i := range len(v) {
		if classes[v[i]]&c == 0 {
			return false
		}
	}
	return v != ""
}

// count returns how many bytes of v are of c.
func count(v string, c class) int {
	n := 0
	for i := range len(v) {
		if classes[v[i]]&c != 0 {
			n++
		}
	}
	return n
}

func isURL(v string) bool {
	scheme, rest, ok := strings.Cut(v[:min(len(v), 64)], "://")
	return ok && rest != "" && all(scheme, alnum) && classes[scheme[0]]&letter != 0
}

// isUUID also holds for what ends in a UUID after something else: req-<uuid>.
func isUUID(v string) bool {
	const length = 36
	v = strings.Trim(v, "{}")
	if len(v) < length {
		return false
	}
	if len(v) > length && classes[v[len(v)-length-1]]&alnum != 0 {
		return false
	}
	v = v[len(v)-length:]
	for i := range len(v) {
		switch i {
		case 8, 13, 18, 23:
			if v[i] != '-' {
				return false
			}
		default:
			if classes[v[i]]&hexDigit == 0 {
				return false
			}
		}
	}
	return true
}

// isTimestamp: RFC 3339, a date alone, or a Unix time of 2009 to 2036 in seconds,
// milliseconds, microseconds or nanoseconds. A number of as many digits may be
// something else; most of many that fall into these years are not.
func isTimestamp(v string) bool {
	if len(v) >= len(time.DateOnly) && v[4] == '-' && v[7] == '-' {
		if len(v) == len(time.DateOnly) {
			_, err := time.Parse(time.DateOnly, v)
			return err == nil
		}
		if len(v) > 40 {
			return false
		}
		for _, layout := range [...]string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05"} {
			if _, err := time.Parse(layout, v); err == nil {
				return true
			}
		}
		return false
	}
	whole, part, ok := strings.Cut(v, ".")
	if ok && (len(whole) != 10 || len(part) > 9 || !all(part, digit)) {
		return false
	}
	switch len(whole) {
	case 10, 13, 16, 19:
		return all(whole, digit) && whole[:3] >= "123" && whole[:3] < "210"
	}
	return false
}

// isNumber: decimal, with a sign, a fraction and an exponent if need be. What is
// longer than 64-bit numbers get is not counted with.
func isNumber(v string) bool {
	const longest = 24
	if len(v) > longest {
		return false
	}
	if v[0] == '-' || v[0] == '+' {
		v = v[1:]
	}
	mantissa, exponent, ok := cutAny(v, "eE")
	if ok {
		if exponent != "" && (exponent[0] == '-' || exponent[0] == '+') {
			exponent = exponent[1:]
		}
		if !all(exponent, digit) || len(exponent) > 3 {
			return false
		}
	}
	whole, part, ok := strings.Cut(mantissa, ".")
	return all(whole, digit) && (!ok || part == "" || all(part, digit))
}

// isIP: an address, alone or with a port or the length of a prefix.
func isIP(v string) bool {
	const longest = 64
	if len(v) > longest || strings.IndexByte(v, '.') < 0 && strings.Count(v, ":") < 2 {
		return false
	}
	if _, err := netip.ParseAddr(v); err == nil {
		return true
	}
	if _, err := netip.ParseAddrPort(v); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(v)
	return err == nil
}

func isEmail(v string) bool {
	const longest = 254 // RFC 5321
	user, host, ok := strings.Cut(v, "@")
	if !ok || len(v) > longest || user == "" || strings.ContainsAny(v, " \t\r\n/") {
		return false
	}
	dot := strings.LastIndexByte(host, '.')
	return dot > 0 && len(host)-dot > 2 && all(host[dot+1:], letter) && strings.IndexByte(host, '@') < 0
}

// isVersion: v1, v1.2, 1.2.3, 1.2.3-rc.1+build, go1.26.8.
func isVersion(v string) bool {
	const longest = 64
	if len(v) > longest {
		return false
	}
	named := true
	switch {
	case strings.HasPrefix(v, "go"):
		v = v[2:]
	case v[0] == 'v' || v[0] == 'V':
		v = v[1:]
	default:
		named = false
	}
	core, _, _ := cutAny(v, "-+")
	parts := 0
	for p := range strings.SplitSeq(core, ".") {
		if !all(p, digit) || len(p) > 8 {
			return false
		}
		parts++
	}
	return parts >= 3 || named
}

// leastRandom is the length from which on random characters are told from words.
const leastRandom = 16

// isHash: hexadecimal, or base64 as in RFC 4648, section 4.
func isHash(v string) bool {
	if algorithm, rest, ok := strings.Cut(v, ":"); ok && len(algorithm) <= 8 && all(algorithm, alnum) {
		v = rest // sha256:…
	}
	v = strings.TrimPrefix(v, "0x")
	if len(v) < leastRandom {
		return false
	}
	if all(v, hexDigit) {
		return true
	}
	plain := strings.TrimRight(v, "=")
	if len(v)-len(plain) > 2 {
		return false
	}
	for i := range len(plain) {
		if c := plain[i]; classes[c]&alnum == 0 && c != '+' && c != '/' {
			return false
		}
	}
	return count(plain, upper) >= 2 && count(plain, lower) >= 2 && scattered(plain)
}

// isToken: any name with a long run of random letters and digits, such as
// sess_…, a JSON web token, base64 for URLs, ULIDs.
func isToken(v string) bool {
	if len(v) < leastRandom || strings.ContainsAny(v, " \t\r\n/") {
		return false
	}
	for len(v) >= leastRandom*3/4 {
		n := 0
		for n < len(v) && classes[v[n]]&alnum != 0 {
			n++
		}
		if run := v[:n]; n >= leastRandom*3/4 && scattered(run) {
			return true
		}
		v = v[min(n+1, len(v)):]
	}
	return false
}

// scattered reports whether v goes to and fro between letters and digits, as words
// with a number do not. Of 16 random letters and digits 71 % do, of 24 90 %.
func scattered(v string) bool {
	const least = 3
	turns := 0
	for i := 1; i < len(v); i++ {
		a, b := classes[v[i-1]], classes[v[i]]
		if a&letter != 0 && b&digit != 0 || a&digit != 0 && b&letter != 0 {
			turns++
		}
	}
	return turns >= least
}

// isPod: <workload>-<revision>-<suffix> of a Deployment, <workload>-<minute>-<suffix>
// of a CronJob, <workload>-<suffix> of a DaemonSet or a Job.
func isPod(v string) bool {
	const suffixLength, longest = 5, 253
	last := strings.LastIndexByte(v, '-')
	if last <= 0 || len(v) > longest || len(v)-last-1 != suffixLength {
		return false
	}
	name, suffix := v[:last], v[last+1:]
	if !all(suffix, generated) {
		return false
	}
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if middle := name[i+1:]; len(middle) >= 6 && len(middle) <= 10 && (all(middle, revision) || all(middle, digit)) {
			return true
		}
	}
	return count(suffix, digit) > 0 // else it may be a word: four of five suffixes have one
}

// cutAny is strings.Cut at the first byte of any of chars.
func cutAny(v, chars string) (before, after string, ok bool) {
	if i := strings.IndexAny(v, chars); i >= 0 {
		return v[:i], v[i+1:], true
	}
	return v, "", false
}
